// Lines from compressed integers (see payload.py), an index of them, and a canvas layer of tiles.
const EARTH = Math.PI * 6378137; // half the side of the square of Web Mercator, in its metres

async function unpackLines(id) {
  const node = document.getElementById(id), raw = bytes(node.textContent);
  node.remove();
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Lines(await new Response(stream).arrayBuffer());
}

function bytes(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}

class Lines {
  constructor(buffer) {
    const [n, points] = new Uint32Array(buffer, 0, 2);
    let at = 8;
    const take = (Type, length) => {
      const array = new Type(buffer, at, length);
      at += array.byteLength;
      return array;
    };
    this.n = n;
    const counts = take(Uint32Array, n);
    this.owner = take(Int32Array, n);
    const x0 = take(Int32Array, n), y0 = take(Int32Array, n);
    const low = take(Uint8Array, 2 * (points - n)), high = take(Uint8Array, 2 * (points - n));
    this.kind = take(Uint8Array, n);
    this.walk(counts, x0, y0, low, high, points);
    this.index();
  }

  walk(counts, x0, y0, low, high, points) {
    const n = this.n, all = points - n, step = (k) => ((low[k] | (high[k] << 8)) << 16) >> 16, x = new Int32Array(points), y = new Int32Array(points);
    const first = new Uint32Array(n + 1), box = new Int32Array(4 * n);
    for (let i = 0, p = 0, s = 0; i < n; i++) {
      let px = x0[i], py = y0[i], west = px, east = px, south = py, north = py;
      first[i] = p;
      x[p] = px; y[p++] = py;
      for (let k = 1; k < counts[i]; k++, s++) {
        px += step(s); py += step(all + s);
        x[p] = px; y[p++] = py;
        if (px < west) west = px; else if (px > east) east = px;
        if (py < south) south = py; else if (py > north) north = py;
      }
      box.set([west, south, east, north], 4 * i);
    }
    first[n] = points;
    Object.assign(this, { x, y, first, box });
  }

  // A grid of cells, each with the lines whose box touches it, as one array with offsets.
  index() {
    const { n, box } = this;
    let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity;
    for (let i = 0; i < 4 * n; i += 4) {
      west = Math.min(west, box[i]); south = Math.min(south, box[i + 1]);
      east = Math.max(east, box[i + 2]); north = Math.max(north, box[i + 3]);
    }
    this.west = west; this.south = south;
    this.side = Math.max(1, Math.min(128, Math.ceil(Math.sqrt(n))));
    this.cell = Math.max(east - west, north - south, 1) / this.side + 1;
    const start = new Uint32Array(this.side * this.side + 1);
    for (let i = 0; i < n; i++) this.cells(box, 4 * i, (c) => start[c + 1]++);
    for (let c = 1; c < start.length; c++) start[c] += start[c - 1];
    const next = start.slice(), member = new Uint32Array(start[start.length - 1]);
    for (let i = 0; i < n; i++) this.cells(box, 4 * i, (c) => { member[next[c]++] = i; });
    this.seen = new Uint32Array(n);
    this.turn = 0;
    Object.assign(this, { start, member });
  }

  cells(box, at, visit) {
    const limit = (v) => Math.min(this.side - 1, Math.max(0, Math.floor(v)));
    const c0 = limit((box[at] - this.west) / this.cell), c1 = limit((box[at + 2] - this.west) / this.cell);
    const r0 = limit((box[at + 1] - this.south) / this.cell), r1 = limit((box[at + 3] - this.south) / this.cell);
    for (let r = r0; r <= r1; r++) for (let c = c0; c <= c1; c++) visit(r * this.side + c);
  }

  within(box) {
    const found = [], turn = ++this.turn;
    this.cells(box, 0, (c) => {
      for (let m = this.start[c]; m < this.start[c + 1]; m++) {
        const i = this.member[m], b = 4 * i;
        if (this.seen[i] === turn) continue;
        this.seen[i] = turn;
        if (this.box[b] <= box[2] && this.box[b + 2] >= box[0] && this.box[b + 1] <= box[3] && this.box[b + 3] >= box[1]) found.push(i);
      }
    });
    return found;
  }

  // The line nearest to a place, within a distance in metres of Web Mercator; -1 for none.
  nearest(px, py, reach, accept) {
    let best = -1, least = reach * reach;
    for (const i of this.within([px - reach, py - reach, px + reach, py + reach])) {
      if (!accept(i)) continue;
      for (let p = this.first[i] + 1; p < this.first[i + 1]; p++) {
        const d = squareToSegment(px, py, this.x[p - 1], this.y[p - 1], this.x[p], this.y[p]);
        if (d < least) { least = d; best = i; }
      }
    }
    return best;
  }

  latLngs(i) {
    const out = [];
    for (let p = this.first[i]; p < this.first[i + 1]; p++) out.push(toLatLng(this.x[p], this.y[p]));
    return out;
  }
}

function squareToSegment(px, py, ax, ay, bx, by) {
  const ux = bx - ax, uy = by - ay, length = ux * ux + uy * uy;
  const t = length ? Math.max(0, Math.min(1, ((px - ax) * ux + (py - ay) * uy) / length)) : 0;
  return (px - ax - t * ux) ** 2 + (py - ay - t * uy) ** 2;
}

const toLatLng = (x, y) => L.CRS.EPSG3857.unproject(L.point(x, y));

// Options: `passes(zoom)` -> [{has(line), color, width, dash}] drawn in that order; `drawn()` told once.
const CanvasLines = L.GridLayer.extend({
  options: { updateWhenZooming: false, keepBuffer: 1, tileSize: 256 },

  initialize(lines, options) {
    L.setOptions(this, options);
    this.lines = lines;
  },

  createTile(coords) {
    const tile = L.DomUtil.create("canvas", "leaflet-tile"), size = this.getTileSize();
    const sharp = Math.max(1, window.devicePixelRatio || 1);
    tile.width = size.x * sharp;
    tile.height = size.y * sharp;
    const context = tile.getContext("2d");
    context.scale(sharp, sharp);
    this.draw(context, coords, size.x);
    return tile;
  },

  draw(context, coords, side) {
    const metres = (2 * EARTH) / (side * 2 ** coords.z), margin = 14 * metres;
    const west = coords.x * side * metres - EARTH, north = EARTH - coords.y * side * metres;
    const found = this.lines.within([west - margin, north - side * metres - margin, west + side * metres + margin, north + margin]);
    if (!found.length) return;
    context.lineJoin = context.lineCap = "round";
    // Between whole zooms the tiles are scaled; lines keep the width that the legend shows.
    const zoom = this._map.getZoom(), stretch = this._map.getZoomScale(zoom, coords.z);
    for (const pass of this.options.passes(zoom)) {
      context.beginPath();
      for (const i of found) if (pass.has(i)) this.trace(context, i, west, north, 1 / metres);
      context.setLineDash((pass.dash || []).map((length) => length / stretch));
      context.lineCap = pass.dash ? "butt" : "round";
      context.strokeStyle = pass.color;
      context.lineWidth = pass.width / stretch;
      context.stroke();
    }
  },

  // On paper the same strokes are vectors: sharp at any size, and without the seams of tiles.
  paper(on) {
    if (this.sheet) this.sheet.remove();
    this.sheet = null;
    if (!this._map) return;
    this.getContainer().style.display = on ? "none" : "";
    if (!on) return;
    const size = this._map.getSize(), svg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
    this.sheet = svg("svg");
    this.sheet.setAttribute("width", size.x);
    this.sheet.setAttribute("height", size.y);
    L.DomUtil.setPosition(this.sheet, this._map.containerPointToLayerPoint([0, 0]));
    for (const [pass, path] of this.strokes(size)) {
      const line = svg("path"), style = { d: path, fill: "none", stroke: pass.color, "stroke-width": pass.width, "stroke-linejoin": "round", "stroke-linecap": pass.dash ? "butt" : "round", "stroke-dasharray": (pass.dash || []).join(" ") };
      for (const [key, value] of Object.entries(style)) line.setAttribute(key, value);
      this.sheet.append(line);
    }
    this.getPane().append(this.sheet);
  },

  strokes(size) {
    const zoom = this._map.getZoom(), metres = (2 * EARTH) / (256 * 2 ** zoom), { min } = this._map.getPixelBounds();
    const west = min.x * metres - EARTH, north = EARTH - min.y * metres;
    const found = this.lines.within([west, north - size.y * metres, west + size.x * metres, north]);
    return this.options.passes(zoom).map((pass) => {
      const out = [], pen = { moveTo: (x, y) => out.push(`M${x.toFixed(1)} ${y.toFixed(1)}`), lineTo: (x, y) => out.push(`L${x.toFixed(1)} ${y.toFixed(1)}`) };
      for (const i of found) if (pass.has(i)) this.trace(pen, i, west, north, 1 / metres);
      return [pass, out.join("")];
    }).filter(([, path]) => path);
  },

  // Vertices closer than 0.7 px to the last one drawn add nothing; the last vertex is always drawn.
  trace(context, i, west, north, scale) {
    const { x, y, first } = this.lines, last = first[i + 1] - 1;
    let px = (x[first[i]] - west) * scale, py = (north - y[first[i]]) * scale;
    context.moveTo(px, py);
    for (let p = first[i] + 1; p <= last; p++) {
      const qx = (x[p] - west) * scale, qy = (north - y[p]) * scale;
      if (p < last && Math.abs(qx - px) + Math.abs(qy - py) < 0.7) continue;
      context.lineTo(qx, qy);
      px = qx; py = qy;
    }
  },
});
