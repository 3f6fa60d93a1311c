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
        "plan_hours_title": (
            "{study}, {season}: en qué gastar {hours} horas más de patrulla al mes",
            "{study}, {season}: how to spend {hours} more patrol hours a month",
        ),
        "plan_head_post": ("puesto", "post"),
        "plan_head_to": ("va hasta", "goes to"),
        "plan_head_times": ("veces/mes", "times/month"),
        "plan_head_hours": ("horas", "hours"),
        "plan_head_travel": ("h de viaje", "h travel"),
        "plan_hours_gain": (
            (
                "Qué gana: de {undetected} {unit} que hoy pasan sin que nadie los detecte, estas "
                "patrullas detectan {whole} ({share} %)."
            ),
            (
                "What it gains: of {undetected} {unit} that pass undetected today these patrols "
                "detect {whole} ({share} %)."
            ),
        ),
        "plan_hours_loss": (
            (
                "Sin pérdida en el camino serían {gain}: las horas puestas en {where}. La "
                "pérdida es del {loss} %; menos, si las lanchas duermen allá."
            ),
            (
                "With nothing lost on the way it would be {gain}: the hours on {where}. The loss "
                "is {loss} %; less, if the boats spend the night there."
            ),
        ),
        "plan_hours_none": (
            (
                "Ninguna patrulla de {length} h alcanza: pida más horas, o patrullas más cortas "
                "(--patrol-length)."
            ),
            (
                "No patrol of {length} h fits: ask for more hours, or for shorter patrols "
                "(--patrol-length)."
            ),
        ),
        "plan_hours_other": (
            (
                "Qué hará el otro lado: quien sepa cuándo sale la lancha pasará a otra hora. Salga "
                "por sorteo; en promedio son las horas de este plan."
            ),
            (
                "What the other side will do: whoever knows when the boat leaves will pass at "
                "another hour. Leave by lot; on average it is the hours of this plan."
            ),
        ),
        "plan_hours_week": (
            "Semana 1 del sorteo {seed} ({weeks:semana|semanas} en el archivo): {times}.",
            "Week 1 of draw {seed} ({weeks:week|weeks} in the file): {times}.",
        ),
        "plan_hours_week_none": (
            (
                "En la semana 1 del sorteo {seed} no sale ninguna "
                "({weeks:semana|semanas} en el archivo)."
            ),
            "In week 1 of draw {seed} none leaves ({weeks:week|weeks} in the file).",
        ),
        "plan_days": ("lun mar mié jue vie sáb dom", "Mon Tue Wed Thu Fri Sat Sun"),
        "plan_hours_sure": (
            (
                "Qué tan seguro es: con rutas y demanda fijas, ningún otro reparto de las horas "
                "detecta más de {most} (demostrado)."
            ),
            (
                "How sure: with routes and demand held, no other share of the hours detects more "
                "than {most} (proven)."
            ),
        ),
        "plan": ("El plan", "The plan"),
        "plan_mark": ("lugar del plan", "place of the plan"),
        "plan_today": ("Hoy", "Today"),
        "plan_carried_out": ("Con el plan", "With the plan"),
        "plan_checkpoint": ("Plan {number}: {place}", "Plan {number}: {place}"),
        "layer_displaced": ("Tránsito que se desplaza", "Displaced traffic"),
        "displaced_title": (
            "Si todos se adaptan al plan",
            "If everybody adapts to the plan",
        ),
        "displaced_note": (
            " (grosor: cuánto cambia)",
            " (width: how much it changes)",
        ),
        "displaced_rose": ("pasaría más tránsito", "more traffic would pass"),
        "displaced_fell": ("pasaría menos tránsito", "less traffic would pass"),
        "displaced_change": (
            "Tránsitos: {before} hoy, {after} si todos se adaptan.",
            "Transits: {before} today, {after} if everybody adapts.",
        ),
        "plan_model": (
            "El tránsito es lo que espera un modelo, no lo que alguien contó.",
            "Traffic is what a model expects, not what anybody counted.",
        ),
    }
)
