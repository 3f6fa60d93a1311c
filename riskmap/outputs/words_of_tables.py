"""What columns and legends of the tables are called in a GIS; see `riskmap.outputs.words`."""

from __future__ import annotations

import re
from typing import Final, Literal

from riskmap.outputs.words_of_access import ACCESS_WORDS

#: Columns of the outputs: (Spanish, English), with the unit.
COLUMN_WORDS: Final[dict[str, tuple[str, str]]] = {
    "rank": ("Puesto en la lista", "Rank"),
    "corridor_id": ("Corredor (código)", "Corridor (code)"),
    "corridor": ("Corredor", "Corridor"),
    "corridors": ("Corredores", "Corridors"),
    "name": ("Nombre", "Name"),
    "risk_score": ("Índice de riesgo (0–100)", "Risk score (0–100)"),
    "length_km": ("Longitud (km)", "Length (km)"),
    "travel_hours": ("Horas de viaje", "Hours of travel"),
    "transits": ("Tránsitos al mes", "Transits a month"),
    "undetected_transits": ("Tránsitos sin detectar al mes", "Undetected transits a month"),
    "detection_probability": ("Probabilidad de detección", "Chance of detection"),
    "interceptions_per_100_patrol_hours": (
        "Intercepciones por 100 horas más de patrulla",
        "Interceptions per 100 more patrol hours",
    ),
    "hours_to_nearest_post": ("Horas desde el puesto más cercano", "Hours from the nearest post"),
    "nearest_post": ("Puesto más cercano", "Nearest post"),
    "main_origins": ("Principales orígenes", "Main origins"),
    "main_sites": ("Principales destinos", "Main destinations"),
    "crosses_border": ("Cruza una frontera", "Crosses a border"),
    "protected_area": ("Área protegida", "Protected area"),
    "evidence": ("Observado", "Surveyed"),
    "rank_p05": ("Puesto en la lista, percentil 5", "Rank, 5th percentile"),
    "rank_p50": ("Puesto en la lista, mediana", "Rank, median"),
    "rank_p95": ("Puesto en la lista, percentil 95", "Rank, 95th percentile"),
    "top10_probability": ("Probabilidad de estar entre los 10 primeros", "Chance of the first 10"),
    "reach_id": ("Tramo (código)", "Reach (code)"),
    "source_id": ("Línea de origen (fila)", "Source line (row)"),
    "patrol_hours": ("Horas de patrulla al mes", "Patrol hours a month"),
    "mode": ("Medio", "Mode"),
    "route_id": ("Ruta (código)", "Route (code)"),
    "movement": ("Movimiento", "Movement"),
    "origin": ("Origen", "Origin"),
    "destination": ("Destino", "Destination"),
    "survival": ("Probabilidad de no ser detectado", "Chance of passing undetected"),
    "layer": ("Capa", "Layer"),
    "row": ("Fila", "Row"),
    "hours_to_help": (
        "Horas hasta la ayuda más cercana, peor temporada",
        "Hours to the nearest help, worse season",
    ),
    "cut_off": ("Aislado", "Cut off"),
    "node": ("Nodo", "Node"),
    "node_id": ("Nodo (código)", "Node (code)"),
    "reaches": ("Tramos que se juntan", "Reaches that meet"),
    "gain": ("Intercepciones al mes", "Interceptions a month"),
    "place": ("Lugar", "Place"),
    "nearest_settlement": ("Poblado más cercano", "Nearest settlement"),
    "settlement_km": ("Distancia al poblado (km)", "Distance to the settlement (km)"),
    "waterway": ("Río", "Waterway"),
    "cost": ("Costo", "Cost"),
    "post": ("Puesto", "Post"),
    "hours": ("Horas de patrulla al mes", "Patrol hours a month"),
    "patrols_per_month": ("Patrullas al mes", "Patrols a month"),
    "hours_each": ("Horas de cada patrulla", "Hours of each patrol"),
    "distance_km": ("Distancia (km)", "Distance (km)"),
    "week": ("Semana", "Week"),
    "day": ("Día de la semana (1–7)", "Day of the week (1–7)"),
    "start_hour": ("Hora de salida", "Hour of start"),
    "transits_before": ("Tránsitos al mes, antes", "Transits a month, before"),
    "transits_after": ("Tránsitos al mes, después", "Transits a month, after"),
    "change": ("Cambio", "Change"),
    "unaffected": ("Sin cambio", "Unaffected"),
    "round": ("Dan un rodeo", "Go round"),
    "elsewhere": ("Van a otro destino", "Go elsewhere"),
    "stays": ("No viajan", "Stay"),
    "arriving": ("Llegan de otros destinos", "Arrive from elsewhere"),
    "hours_longer": ("Horas de más", "Hours longer"),
    "corridor_before": ("Corredor, antes (código)", "Corridor, before (code)"),
    "corridor_after": ("Corredor, después (código)", "Corridor, after (code)"),
    "match": ("Correspondencia", "Match"),
    "shared_km": ("Longitud en común (km)", "Length in common (km)"),
    "rank_before": ("Puesto en la lista, antes", "Rank, before"),
    "rank_after": ("Puesto en la lista, después", "Rank, after"),
    "name_before": ("Nombre, antes", "Name, before"),
    "name_after": ("Nombre, después", "Name, after"),
    "undetected_transits_before": ("Sin detectar al mes, antes", "Undetected a month, before"),
    "undetected_transits_after": ("Sin detectar al mes, después", "Undetected a month, after"),
    "detection_probability_before": ("Detección, antes", "Detection, before"),
    "detection_probability_after": ("Detección, después", "Detection, after"),
    "by_demand": ("Cambio por la demanda", "Change by demand"),
    "by_routes": ("Cambio por las rutas", "Change by routes"),
    "by_detection": ("Cambio por la detección", "Change by detection"),
    "trend": ("Tendencia", "Trend"),
    "why": ("Por qué", "Why"),
    "part": ("Parte de la red (1: la más larga)", "Part of the network (1: the longest)"),
    "flow_known": ("Sentido de la corriente conocido", "Direction of flow known"),
    "flow_confidence": ("Certeza del sentido", "Confidence of the direction"),
    "flow_doubt": ("Duda sobre el sentido", "Doubt about the direction"),
    "attached": ("Unido al agua", "On the water"),
    "kind": ("Clase", "Kind"),
    "feature": ("Elemento", "Feature"),
    "what": ("Qué se encontró", "What was found"),
    "status": ("Situación legal", "Legal status"),
    "status_rule": ("Regla", "Rule"),
    "confidence": ("Certeza", "Confidence"),
    "detected_on": ("Detectado el", "Detected on"),
    "area_ha": ("Superficie (ha)", "Area (ha)"),
}

#: Classes of the legends: (Spanish, English).
LEGEND_WORDS: Final[dict[str, tuple[str, str]]] = {
    "score": ("riesgo {low} a {high}", "risk {low} to {high}"),
    "amount": ("{low} a {high} {what}", "{low} to {high} {what}"),
    "transits": ("tránsitos al mes", "transits a month"),
    "hours": ("horas al mes", "hours a month"),
    "no_transit": ("río sin tránsito", "water without traffic"),
    "road": ("camino", "road"),
    "more": ("más que antes", "more than before"),
    "less": ("menos que antes", "less than before"),
    "same": ("sin cambio", "no change"),
    "range_h": ("{low} a {high} h hasta la ayuda", "{low} to {high} h to help"),
    "over_h": ("más de {low} h hasta la ayuda", "over {low} h to help"),
    "no_way": ("sin camino a la ayuda", "no way to help"),
    "flow_doubtful": ("sentido de la corriente dudoso", "direction of flow in doubt"),
    "flow_unknown": ("sentido de la corriente desconocido", "direction of flow not known"),
    "longest_part": ("la parte más larga de la red", "longest part of the network"),
    "other_parts": ("otras partes de la red", "other parts of the network"),
    "attached": ("unido al agua", "on the water"),
    "too_far": ("demasiado lejos del agua", "too far from the water"),
    "authorised": ("minería autorizada", "authorised mining"),
    "informal": ("minería informal", "informal mining"),
    "illegal": ("minería ilegal", "illegal mining"),
    "unknown": ("minería sin situación conocida", "mining of unknown status"),
}

_OF_HELP: Final = re.compile(r"(?:nearest|hours_(?P<way>to|from))_(?P<kind>.+?)"
                             r"(?:_(?P<season>low|high)_water)?")  # fmt: skip
_WAYS: Final = {"to": ("Horas hasta", "Hours to"), "from": ("Horas desde", "Hours from")}
_SEASONS: Final = {"low": ("aguas bajas", "low water"), "high": ("aguas altas", "high water")}
_NEAREST: Final = ("Más cercano:", "Nearest")


def column_word(column: str, language: Literal["es", "en"]) -> str:
    """Return what a column is called in a language; its own name where it is nobody's word.

    Examples
    --------
    >>> column_word("risk_score", "es"), column_word("hours_to_shelter_low_water", "en")
    ('Índice de riesgo (0–100)', 'Hours to shelter, low water')
    """
    side = 0 if language == "es" else 1
    if column in COLUMN_WORDS:
        return COLUMN_WORDS[column][side]
    found = _OF_HELP.fullmatch(column)
    if found is None:
        return column
    kind = _facility(found["kind"], side)
    if found["way"] is None or found["season"] is None:
        return f"{_NEAREST[side]} {kind}"
    return f"{_WAYS[found['way']][side]} {kind}, {_SEASONS[found['season']][side]}"


def _facility(kind: str, side: int) -> str:
    words = ACCESS_WORDS.get(f"facility_{kind}")
    return words[side].lower() if words else kind.replace("_", " ")
