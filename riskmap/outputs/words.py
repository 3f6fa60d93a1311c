"""The words of the planner's outputs, in Spanish and in English.

Each sentence stands once in each language, side by side, so that a translator sees both and a
test can tell that none lacks one. `{slots}` are filled by name. Names from the data are never
translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from riskmap.outputs.words_of_access import ACCESS_WORDS
from riskmap.outputs.words_of_plans import PLAN_WORDS
from riskmap.report import Count

Language = Literal["es", "en"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)

# key: (Spanish, English)
_WORDS: Final[dict[str, tuple[str, str]]] = {
    # The page
    "map": ("Mapa de corredores fluviales", "Map of waterway corridors"),
    "map_of": ("Mapa: {name}", "Map: {name}"),
    "marking": (
        "USO INTERNO – contiene ubicaciones sensibles – no difundir",
        "INTERNAL USE – holds sensitive locations – do not distribute",
    ),
    "noscript": (
        "Este mapa necesita JavaScript. No se conecta a ninguna red.",
        "This map needs JavaScript. It connects to no network.",
    ),
    "too_old": (
        "Este navegador es demasiado antiguo para el mapa: use uno de 2023 o posterior.",
        "This browser is too old for the map: use one of 2023 or later.",
    ),
    "skip": ("Ir a la lista de corredores", "Go to the list of corridors"),
    "summary": ("Resumen", "Summary"),
    "about": ("Límites y fuentes", "Limits and sources"),
    "switch": ("Resultado que se muestra", "Result shown"),
    "result": ("Resultado {number}", "Result {number}"),
    "unknown": ("–", "–"),
    "unnamed": ("sin nombre", "unnamed"),
    "north": ("N", "N"),
    "south": ("S", "S"),
    "east": ("E", "E"),
    "west": ("O", "W"),
    "north_up": ("El norte está arriba", "North is up"),
    "see_table": ("Ver como tabla", "See as table"),
    "see_map": ("Ver el mapa", "See the map"),
    "print": ("Imprimir (A4)", "Print (A4)"),
    # The story
    "season_low": ("Aguas bajas", "Low water"),
    "season_high": ("Aguas altas", "High water"),
    "computed_on": ("calculado el {day}", "computed on {day}"),
    "volumes_relative": ("volúmenes relativos", "relative volumes"),
    "volumes_absolute": ("tránsitos al mes", "transits a month"),
    "story": (
        (
            "De {served} tránsitos al mes por el agua, {undetected} ({share} %) llegarían sin que "
            "nadie los detecte, por {corridors} corredores."
        ),
        (
            "Of {served} transits a month by water, {undetected} ({share} %) would arrive "
            "undetected, along {corridors} corridors."
        ),
    ),
    "story_relative": (
        (
            "De cada {served} tránsitos por el agua (cifra relativa: el volumen real no se "
            "conoce), {undetected} ({share} %) llegarían sin que nadie los detecte, por "
            "{corridors} corredores."
        ),
        (
            "Of every {served} transits by water (a relative figure: the true volume is not "
            "known), {undetected} ({share} %) would arrive undetected, along {corridors} corridors."
        ),
    ),
    "story_no_corridor": (
        "Ningún corredor lleva tránsito: revise los orígenes y los destinos del estudio.",
        "No corridor carries traffic: look at the origins and destinations of the study.",
    ),
    "story_unserved": (
        "Otros {unserved} no encuentran camino por el agua y no se cuentan.",
        "Another {unserved} find no way by water and are not counted.",
    ),
    "warn_unserved": (
        (
            "El {share} % de la demanda no encuentra camino por el agua. Revise la red de ríos "
            "(riskmap check) antes de usar este orden."
        ),
        (
            "{share} % of the demand finds no way by water. Look at the river network "
            "(riskmap check) before you use this ranking."
        ),
    ),
    "story_local": (
        "{local} no usan el agua: origen y destino están en el mismo punto.",
        "{local} use no water: origin and destination are at one place.",
    ),
    "first_three": ("Dónde patrullar primero", "Where to patrol first"),
    "first_post": (
        "Puesto más cercano: {post}, a {hours} h.",
        "Nearest post: {post}, {hours} h away.",
    ),
    "first_why": (
        "{undetected} sin detectar; mayor origen: {origin}; mayor destino: {site}.",
        "{undetected} undetected; largest origin: {origin}; largest destination: {site}.",
    ),
    "first_no_post": ("Ningún puesto llega.", "No post reaches it."),
    "certainty": (
        (
            "Qué tan seguro es: el puesto en la lista va, en el 90 % de los cálculos con otros "
            "supuestos, en estos intervalos ({ranges})."
        ),
        (
            "How sure: with other assumptions, 90 % of the draws give these intervals of rank "
            "({ranges})."
        ),
    ),
    "certainty_none": (
        "Qué tan seguro es: no se calculó. Los datos son estimaciones, y el orden puede cambiar.",
        "How sure: not computed. The inputs are estimates, and the order may change.",
    ),
    "invented_all": (
        "{layer}: los {all} son inventados para este estudio; no existen.",
        "{layer}: all {all} are invented for this study; they do not exist.",
    ),
    "invented_some": (
        "{layer}: {count} de {all} son inventados para este estudio; no existen.",
        "{layer}: {count} of {all} are invented for this study; they do not exist.",
    ),
    "invented_one": ("Inventado: no existe.", "Invented: does not exist."),
    "statement": ("{layer}: {note}", "{layer}: {note}"),
    # Limits
    "limits": ("Lo que este mapa no sabe", "What this map does not know"),
    "limit_model": (
        "Son cifras esperadas por un modelo, no casos observados: no prueban nada contra nadie.",
        (
            "These are figures that a model expects, not observed cases: they prove nothing "
            "against anyone."
        ),
    ),
    "limit_relative": (
        "Los volúmenes son relativos: sirven para comparar corredores, no para contar personas.",
        "The volumes are relative: they serve to compare corridors, not to count people.",
    ),
    "limit_interval": (
        (
            "No hay intervalo de incertidumbre: no se sabe cuánto puede moverse un corredor en "
            "la lista."
        ),
        (
            "There is no interval of uncertainty: how far a corridor may move in the list is "
            "not known."
        ),
    ),
    "limit_patrol": (
        (
            "Las horas de patrulla se reparten según el alcance de cada puesto; no son "
            "recorridos registrados."
        ),
        "Patrol hours are spread by the range of each post; they are not logged tracks.",
    ),
    "limit_evidence": (
        (
            "Los corredores rayados están fuera del área observada: no observado no quiere "
            "decir seguro."
        ),
        "Hatched corridors lie outside the surveyed area: not observed is not safe.",
    ),
    "limit_coverage": (
        "No se sabe qué área fue observada: donde no hay puntos puede faltar información.",
        "Which area was surveyed is not known: where there are no points, data may be missing.",
    ),
    "reported_unattached": (
        "Demasiado lejos del agua, sin contar: {layers}.",
        "Too far from the water, left out: {layers}.",
    ),
    "reported_unreachable": ("Sin ruta por el agua: {layers}.", "No route by water: {layers}."),
    "reported_skipped": ("Filas omitidas: {layers}.", "Rows left out: {layers}."),
    "reported_defaulted": (
        "Con valores supuestos por falta de datos: {layers}.",
        "With default values for want of data: {layers}.",
    ),
    "reported_doubtful": ("Datos dudosos: {layers}.", "Doubtful data: {layers}."),
    "reported_ambiguous": (
        "Con más de una lectura posible: {layers}.",
        "Open to two readings: {layers}.",
    ),
    # Sources
    "sources": ("Datos y fechas", "Data and dates"),
    "source": (
        "{layer}: {file}, {features:elemento|elementos}, {crs}",
        "{layer}: {file}, {features:feature|features}, {crs}",
    ),
    "hash": (", sha256 {sha}", ", sha256 {sha}"),
    "date_one": (", del {first}", ", of {first}"),
    "dates": (", del {first} al {last}", ", from {first} to {last}"),
    "made_by": (
        "riskmap {version}, semilla {seed}, calculado: {time}",
        "riskmap {version}, seed {seed}, computed: {time}",
    ),
    "embedded": ("Esta página contiene: {licences}", "This page contains: {licences}"),
    # The list
    "ranking": ("Corredores por riesgo", "Corridors by risk"),
    "list_heads": ("Corredor · km · horas al puesto", "Corridor · km · hours to a post"),
    "filter": ("Mostrar los primeros", "Show the first"),
    "showing": ("{shown} de {all}", "{shown} of {all}"),
    "more": ("Mostrar {count} más", "Show {count} more"),
    "km": ("{km} km", "{km} km"),
    "hours": ("{hours} h al puesto", "{hours} h to a post"),
    "no_post": ("sin puesto", "no post"),
    "hours_month": ("{hours} h/mes", "{hours} h/month"),
    "rank_interval": ("puesto {low}–{high} en la lista", "rank {low}–{high}"),
    "rank_of": ("corredor n.º {rank}", "corridor no. {rank}"),
    "chosen": ("Corredor {rank}: {name}", "Corridor {rank}: {name}"),
    "why": ("Por qué está aquí", "Why it ranks here"),
    "why_of": ("Por qué: {name}", "Why: {name}"),
    "why_main": (
        (
            "Pasan {transits} tránsitos al mes; {undetected} no los detecta nadie en todo su "
            "viaje (probabilidad de detección: {share})."
        ),
        (
            "{transits} transits a month pass; {undetected} are detected nowhere on their whole "
            "trip (chance of detection: {share})."
        ),
    ),
    "why_main_relative": (
        (
            "Pasan {transits} tránsitos (relativos); {undetected} no los detecta nadie en todo "
            "su viaje (probabilidad de detección: {share})."
        ),
        (
            "{transits} transits (relative) pass; {undetected} are detected nowhere on their "
            "whole trip (chance of detection: {share})."
        ),
    ),
    "why_gain": (
        "Cien horas más de patrulla aquí detectarían {gain} tránsitos más.",
        "A hundred more patrol hours here would detect {gain} more transits.",
    ),
    "why_origins": ("De dónde viene", "Where it comes from"),
    "why_sites": ("A dónde va", "Where it goes"),
    "why_posts": (
        "Puestos que lo patrullan (horas efectivas)",
        "Posts that patrol it (effective hours)",
    ),
    "why_no_posts": (
        "Ninguno: nadie patrulla este corredor.",
        "None: nobody patrols this corridor.",
    ),
    "why_nearest": (
        "Puesto más cercano: {post}, a {hours} h de navegación.",
        "Nearest post: {post}, {hours} h by boat.",
    ),
    "why_nearest_none": ("Ningún puesto llega por el agua.", "No post reaches it by water."),
    "why_borders": ("Cruza la frontera", "Crosses the border"),
    "why_areas": ("Áreas protegidas", "Protected areas"),
    "why_interval": (
        "Puesto en la lista con otros supuestos: entre {low} y {high} (mediana {mid}).",
        "Rank under other assumptions: between {low} and {high} (median {mid}).",
    ),
    "why_no_interval": (
        "No se calculó cuánto puede cambiar su puesto en la lista.",
        "How far its rank may change was not computed.",
    ),
    "why_top_ten": (
        "Probabilidad de estar entre los diez primeros: {share}.",
        "Chance of being among the first ten: {share}.",
    ),
    "and_more": ("y {count} más", "and {count} more"),
    "elsewhere": (
        "puesto {rank}, {transits} tránsitos no detectados (aquí {mine})",
        "rank {rank}, {transits} undetected transits (here {mine})",
    ),
    "elsewhere_not": ("no figura en la lista", "not in the list"),
    "evidence_none": (
        (
            "Sin evidencia: su agua está fuera del área observada. No observado no quiere decir "
            "seguro."
        ),
        "No evidence: its water lies outside the surveyed area. Not observed is not safe.",
    ),
    "evidence_partial": (
        "Evidencia parcial: parte de su agua está fuera del área observada.",
        "Partial evidence: part of its water lies outside the surveyed area.",
    ),
    "evidence_badge_none": ("sin evidencia", "no evidence"),
    "evidence_badge_partial": ("evidencia parcial", "partial evidence"),
    "evidence_badge_full": ("observado", "surveyed"),
    # Search
    "search": ("Buscar corredor o lugar", "Search corridor or place"),
    "found": ("{count} resultados", "{count} results"),
    "found_one": ("1 resultado", "1 result"),
    # Layers and legend
    "layers": ("Capas", "Layers"),
    "legend": ("Leyenda", "Legend"),
    "group_risk": ("Riesgo", "Risk"),
    "group_state": ("Presencia policial", "Police presence"),
    "group_traffic": ("Orígenes y destinos", "Origins and destinations"),
    "group_base": ("Mapa base", "Base map"),
    "group_added": ("Añadidas", "Added"),
    "layer_corridors": ("Corredores", "Corridors"),
    "layer_patrol": ("Agua patrullada", "Patrolled water"),
    "layer_police_posts": ("Puestos policiales", "Police posts"),
    "layer_checkpoints": ("Puntos de control", "Checkpoints"),
    "layer_facilities": ("Lugares de ayuda", "Places of help"),
    "layer_access": ("Quién no puede salir", "Who cannot get out"),
    "layer_entry_points": ("Puntos de entrada", "Entry points"),
    "layer_venues": ("Locales", "Venues"),
    "layer_mining_areas": ("Áreas mineras", "Mining areas"),
    "layer_concessions": ("Concesiones", "Concessions"),
    "layer_protected_areas": ("Áreas protegidas", "Protected areas"),
    "layer_landings": ("Embarcaderos", "Landings"),
    "layer_incidents": ("Incidentes", "Incidents"),
    "layer_settlements": ("Centros poblados", "Settlements"),
    "layer_borders": ("Fronteras", "Borders"),
    "layer_rivers": ("Ríos", "Rivers"),
    "layer_roads": ("Vías terrestres", "Roads"),
    "layer_water_areas": ("Cuerpos de agua", "Water areas"),
    "layer_patrol_tracks": ("Recorridos de patrulla", "Patrol tracks"),
    "layer_movements": ("Movimientos", "Movements"),
    "layer_graticule": ("Cuadrícula", "Graticule"),
    "kind_police_posts": ("Puesto policial", "Police post"),
    "kind_checkpoints": ("Punto de control", "Checkpoint"),
    "kind_facilities": ("Lugar de ayuda", "Place of help"),
    "kind_entry_points": ("Punto de entrada", "Entry point"),
    "kind_venues": ("Local", "Venue"),
    "kind_landings": ("Embarcadero", "Landing"),
    "kind_incidents": ("Incidente", "Incident"),
    "kind_settlements": ("Centro poblado", "Settlement"),
    "kind_mining_areas": ("Área minera", "Mining area"),
    "kind_river": ("río", "river"),
    "risk_score": ("Riesgo", "Risk"),
    "risk_unit": (
        " (100 = {transits} tránsitos no detectados al mes)",
        " (100 = {transits} undetected transits a month)",
    ),
    "risk_unit_relative": (
        " (100 = {transits} tránsitos no detectados, relativos)",
        " (100 = {transits} undetected transits, relative)",
    ),
    "class_range": ("{low}–{high}", "{low}–{high}"),
    "class_top": ("{low}–{high}", "{low}–{high}"),
    "evidence_key": ("rayado: fuera del área observada", "hatched: outside the surveyed area"),
    "key_river": ("río", "river"),
    "key_road": ("vía terrestre", "road"),
    "key_road_travelled": ("vía que usan los viajes", "road that trips use"),
    "key_water_area": ("cuerpo de agua", "water area"),
    "key_protected": ("área protegida", "protected area"),
    "key_concession": ("concesión", "concession"),
    "key_border": ("frontera", "border"),
    "patrol_unit": ("Horas efectivas al mes por km", "Effective hours a month per km"),
    "patrol_little": ("hasta 0.5", "up to 0.5"),
    "patrol_some": ("de 0.5 a 2", "0.5 to 2"),
    "patrol_much": ("más de 2", "over 2"),
    "mining_authorised": ("minería autorizada", "authorised mining"),
    "mining_informal": ("minería informal", "informal mining"),
    "mining_illegal": ("minería ilegal", "illegal mining"),
    "mining_unknown": ("minería, situación desconocida", "mining, status unknown"),
    "status_authorised": ("autorizada", "authorised"),
    "status_informal": ("informal", "informal"),
    "status_illegal": ("ilegal", "illegal"),
    "status_unknown": ("situación desconocida", "status unknown"),
    # Facts on cards
    "fact_patrol_hours": ("Horas de patrulla al mes: {value}", "Patrol hours a month: {value}"),
    "fact_effectiveness": ("Efectividad (0 a 1): {value}", "Effectiveness (0 to 1): {value}"),
    "fact_effective_hours": ("Horas efectivas al mes: {value}", "Effective hours a month: {value}"),
    "fact_range_h": ("Alcance: {value} h de ida", "Range: {value} h one way"),
    "fact_speed_kmh": ("Velocidad: {value} km/h", "Speed: {value} km/h"),
    "fact_detection_probability": (
        "Probabilidad de detección: {value}",
        "Chance of detection: {value}",
    ),
    "fact_kind": ("Tipo: {value}", "Kind: {value}"),
    "fact_weight": ("Peso: {value}", "Weight: {value}"),
    "fact_capacity": ("Capacidad: {value}", "Capacity: {value}"),
    "fact_confidence": ("Confianza (0 a 1): {value}", "Confidence (0 to 1): {value}"),
    "fact_transfer_h": ("Transbordo: {value} h", "Transfer: {value} h"),
    "fact_date": ("Fecha: {value}", "Date: {value}"),
    "fact_population": ("Población: {value}", "Population: {value}"),
    "value_health_post": ("puesto de salud", "health post"),
    "value_shelter": ("refugio", "shelter"),
    "value_prosecutor": ("fiscalía", "prosecutor"),
    "value_port": ("puerto", "port"),
    "value_road_head": ("carretera", "road head"),
    "value_border": ("frontera", "border"),
    "value_airport": ("aeropuerto", "airport"),
    # Tables and paper
    "table_corridors": ("Corredores por orden de riesgo", "Corridors in order of risk"),
    "table_routes": ("Rutas con más tránsito", "Busiest routes"),
    "table_sites": ("Lugares del mapa", "Places on the map"),
    "col_rank": ("N.º", "No."),
    "col_name": ("Nombre", "Name"),
    "col_score": ("Riesgo", "Risk"),
    "col_interval": ("Intervalo", "Interval"),
    "col_km": ("km", "km"),
    "col_travel": ("Horas de viaje", "Travel hours"),
    "col_transits": ("Tránsitos", "Transits"),
    "col_undetected": ("No detectados", "Undetected"),
    "col_detection": ("Detección", "Detection"),
    "col_gain": ("Detecciones por 100 h más", "Detections per 100 more h"),
    "col_post": ("Puesto más cercano", "Nearest post"),
    "col_post_hours": ("Horas al puesto", "Hours to post"),
    "col_origins": ("Viene de", "Comes from"),
    "col_sites": ("Va a", "Goes to"),
    "col_evidence": ("Evidencia", "Evidence"),
    "col_kind": ("Tipo", "Kind"),
    "col_facts": ("Datos", "Facts"),
    "col_from": ("Desde", "From"),
    "col_to": ("Hasta", "To"),
    "col_survival": ("Llega sin ser detectado", "Arrives undetected"),
    "paper_rows": (
        "Se imprimen {shown} de {all} corredores.",
        "{shown} of {all} corridors printed.",
    ),
    **ACCESS_WORDS,
    **PLAN_WORDS,
}


@dataclass(frozen=True, slots=True)
class Words:
    """Say things in one language.

    Attributes
    ----------
    language
        "es" or "en".

    Examples
    --------
    >>> Words("es").say("season_low"), Words("en").say("km", km=12)
    ('Aguas bajas', '12 km')
    """

    language: Language

    @property
    def table(self) -> Mapping[str, str]:
        """Return every word of the language by key."""
        place = LANGUAGES.index(self.language)
        return MappingProxyType({key: both[place] for key, both in _WORDS.items()})

    def say(self, key: str, **values: object) -> str:
        """Return the words of a key with its slots filled; values are put in as they are.

        A slot such as `{count:resultado|resultados}` takes a whole number with its noun.
        """
        text = _WORDS[key][LANGUAGES.index(self.language)]
        # One pass: a value that itself holds braces is not read again.
        slots = {name: Count(v) if type(v) is int else v for name, v in values.items()}
        return text.format(**slots) if values else text

    def layer(self, layer: str) -> str:
        """Return a layer's name in words; a part of the run that is no layer stays as it is."""
        known = f"layer_{layer}"
        return self.say(known) if known in _WORDS else layer

    def place(self, name: str) -> str:
        """Return a site's name; one that reading made up of layer and row is said in words.

        Examples
        --------
        >>> Words("es").place("venues 3"), Words("es").place("Mazuko 3")
        ('Local 3', 'Mazuko 3')
        """
        layer, _, row = name.rpartition(" ")
        known = f"kind_{layer}"
        return f"{self.say(known)} {row}" if known in _WORDS and row.isdecimal() else name

    def amount(self, value: float) -> str:
        """Return a number of transits: one decimal where it is small, none where it is not."""
        return self.number(value, 0 if abs(value) >= 10 else 1)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number as it is written in Peru and in English: 1,234.5."""
        return f"{value:,.{digits}f}" if value == value else self.say("unknown")


def all_words() -> Mapping[str, tuple[str, str]]:
    """Return (Spanish, English) by key."""
    return MappingProxyType(_WORDS)
