"""Words of the layer of those who cannot get out; see `riskmap.outputs.words`."""

from __future__ import annotations

from typing import Final

# key: (Spanish, English)
ACCESS_WORDS: Final[dict[str, tuple[str, str]]] = {
    "facility_police_post": ("Puesto policial efectivo", "Effective police post"),
    "facility_health_post": ("Puesto de salud", "Health post"),
    "facility_shelter": ("Refugio", "Shelter"),
    "facility_prosecutor": ("Fiscalía", "Prosecutor"),
    "facility_facility": ("Lugar de ayuda", "Place of help"),
    "access_title": ("Horas hasta la ayuda más cercana", "Hours to the nearest help"),
    "access_note": (
        " (puesto efectivo, salud o refugio; en la peor temporada)",
        " (effective post, health or shelter; in the worse season)",
    ),
    "access_range": ("{low}–{high} h", "{low}–{high} h"),
    "access_over": ("más de {low} h", "over {low} h"),
    "access_no_way": ("sin camino", "no way"),
    "access_hours": ("{hours} h", "{hours} h"),
    "access_none": (
        "Desde aquí no hay camino por el agua a ninguna ayuda en alguna de las temporadas.",
        "From here no way by water leads to any help in one of the seasons.",
    ),
    "access_cut_off": (
        "Aislado: {hours} h hasta la ayuda más cercana en la peor temporada.",
        "Cut off: {hours} h to the nearest help in the worse season.",
    ),
    "access_within": (
        "{hours} h hasta la ayuda más cercana en la peor temporada.",
        "{hours} h to the nearest help in the worse season.",
    ),
    "access_help": ("Ayuda", "Help"),
    "access_out_low": ("Salir, aguas bajas", "Out, low water"),
    "access_out_high": ("Salir, aguas altas", "Out, high water"),
    "access_in_low": ("Llegar, aguas bajas", "In, low water"),
    "access_in_high": ("Llegar, aguas altas", "In, high water"),
}
