"""The words of plans, in Spanish and in English; see `riskmap.outputs.words`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

# key: (Spanish, English)
PLAN_WORDS: Final = MappingProxyType(
    {
        "plan_checkpoints_title": (
            "{study}, {season}: dónde poner {count} puntos de control",
            "{study}, {season}: where to put {count} checkpoints",
        ),
        "plan_checkpoints_one": (
            "{study}, {season}: dónde poner un punto de control",
            "{study}, {season}: where to put one checkpoint",
        ),
        "plan_head_place": ("lugar", "place"),
        "plan_head_on": ("en", "on"),
        "plan_head_lon": ("longitud", "longitude"),
        "plan_head_lat": ("latitud", "latitude"),
        "plan_head_gain": ("detecta más", "detects more"),
        "plan_head_cost": ("costo", "cost"),
        "plan_place_from": ("a {km} km al {side} de {town}", "{km} km {side} of {town}"),
        "plan_place_at": ("{town}", "{town}"),
        "plan_place_none": ("lugar sin nombre", "place without a name"),
        "plan_sides": ("N NE E SE S SO O NO", "N NE E SE S SW W NW"),
        "plan_unit": ("tránsitos al mes", "transits a month"),
        "plan_unit_relative": (
            "tránsitos (cifra relativa: el volumen real no se conoce)",
            "transits (a relative figure: the true volume is not known)",
        ),
        "plan_gains": (
            (
                "Qué gana: de {undetected} {unit} que hoy pasan sin que nadie los detecte, detecta "
                "{gain} ({share} %) si nadie cambia de ruta."
            ),
            (
                "What it gains: of {undetected} {unit} that pass undetected today it detects "
                "{gain} ({share} %) if nobody changes route."
            ),
        ),
        "plan_cost": (
            "Qué cuesta: {cost} de un presupuesto de {budget}.",
            "What it costs: {cost} of a budget of {budget}.",
        ),
        "plan_cost_alone": ("Qué cuesta: {cost}.", "What it costs: {cost}."),
        "plan_evaded": (
            (
                "Qué hará el otro lado: si todo el que tiene otro camino sin control, hasta "
                "{tolerance} % más largo, lo toma, detecta {evaded}."
            ),
            (
                "What the other side will do: if everybody who has another way without a "
                "checkpoint, up to {tolerance} % longer, takes it, it detects {evaded}."
            ),
        ),
        "plan_displaced": (
            "Si además quien no tiene otro camino va a otro lugar, detecta {left}.",
            "If those without another way also go to another place, it detects {left}.",
        ),
        "plan_round": (
            "{round} dan la vuelta por otro camino{longer}.",
            "{round} go round by another way{longer}.",
        ),
        "plan_round_longer": (
            " (hasta {hours} h más largo)",
            " (up to {hours} h longer)",
        ),
        "plan_elsewhere": (
            "{elsewhere} irían a otros lugares: {places}.",
            "{elsewhere} would go elsewhere: {places}.",
        ),
        "plan_more_on": (
            "Vigile entonces el agua por donde pasaría más: {waters}.",
            "Then watch the water that would carry more: {waters}.",
        ),
        "plan_nobody_round": (
            "Nadie tiene otro camino sin control ni otro lugar adonde ir.",
            "Nobody has another way without a checkpoint, nor another place to go to.",
        ),
        "plan_fragile": (
            (
                "Más de la mitad de lo que gana se pierde cuando se sepa: cambie de sitio los "
                "controles sin aviso, o pida el plan que cuenta con ello (--method evasive)."
            ),
            (
                "More than half of the gain is lost once it is known: move the checkpoints "
                "without notice, or ask for the plan that reckons with it (--method evasive)."
            ),
        ),
        "plan_sure_greedy": (
            (
                "Qué tan seguro es: lugares elegidos uno por uno; ninguna otra elección detecta "
                "más de {most} (este plan, al menos el {least} % de ello)."
            ),
            (
                "How sure: places chosen one by one; no other choice detects more than {most} "
                "(this plan, at least {least} % of it)."
            ),
        ),
        "plan_sure_proven": (
            "Qué tan seguro es: está demostrado que, con este modelo, no hay mejor elección.",
            "How sure: it is proven that, by this model, there is no better choice.",
        ),
        "plan_sure_gap": (
            (
                "Qué tan seguro es: se acabó el tiempo; ninguna otra elección detecta más de "
                "{most} (este plan, al menos el {least} % de ello)."
            ),
            (
                "How sure: time ran out; no other choice detects more than {most} (this plan, at "
                "least {least} % of it)."
            ),
        ),
        "plan_model": (
            "El tránsito es lo que espera un modelo, no lo que alguien contó.",
            "Traffic is what a model expects, not what anybody counted.",
        ),
    }
)
