"""The known sources in small: files with the columns that the real ones have, made in code.

Each function returns two or three rows as the source publishes them: its spelling, its codes, its
holes. What a preset makes of them is tested in `tests/unit/test_presets.py`.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
from shapely.geometry import LineString, MultiLineString, Point, Polygon, box

NAN = float("nan")


def _table(geometry: list[Any], **columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometry, crs="EPSG:4326")


def _lines(n: int) -> list[LineString]:
    """Return lines one below the other, along latitude -12."""
    return [LineString([(-70 + 0.1 * i, -12), (-69.9 + 0.1 * i, -12)]) for i in range(n)]


def _points(n: int) -> list[Point]:
    return [Point(-70 + 0.1 * i, -12) for i in range(n)]


def _areas(n: int) -> list[Polygon]:
    return [box(-70 + 0.2 * i, -12, -69.9 + 0.2 * i, -11.9) for i in range(n)]


def hydrorivers() -> gpd.GeoDataFrame:
    return _table(
        _lines(2),
        HYRIV_ID=[60123456, 60123457], NEXT_DOWN=[60123457, 0], MAIN_RIV=[60123457] * 2,
        LENGTH_KM=[10.9, 10.9], DIST_DN_KM=[10.9, 0.0], DIST_UP_KM=[80.0, 91.0],
        CATCH_SKM=[40.0, 60.0], UPLAND_SKM=[900.5, 960.5], ENDORHEIC=[0, 0],
        DIS_AV_CMS=[38.5, -9999.0], ORD_STRA=[3, 4], ORD_CLAS=[1, 1], ORD_FLOW=[5, 5],
        HYBAS_L12=[6120000010, 6120000020],
    )  # fmt: skip


def hydrobasins() -> gpd.GeoDataFrame:
    return _table(
        _areas(2),
        HYBAS_ID=[6120000010, 6120000020], NEXT_DOWN=[6120000020, 0], NEXT_SINK=[0, 0],
        MAIN_BAS=[6120000020] * 2, DIST_SINK=[10.0, 0.0], DIST_MAIN=[10.0, 0.0],
        SUB_AREA=[40.0, 60.0], UP_AREA=[900.5, 960.5], PFAF_ID=[61, 62], ENDO=[0, 0],
        COAST=[0, 0], ORDER=[3, 4], SORT=[1, 2],
    )  # fmt: skip


def osm_waterways() -> gpd.GeoDataFrame:
    """Return lines as GDAL reads them from an extract: further tags stand in one column."""
    return _table(
        _lines(4),
        osm_id=["1", "2", "3", "4"], name=["Río Inambari", None, "Caño Seco", "Presa"],
        highway=[None] * 4, waterway=["river", "stream", "stream", "dam"],
        z_order=[0] * 4,
        other_tags=['"boat"=>"yes","width"=>"180"', None, '"boat"=>"no"', None],
    )  # fmt: skip


def osm_waterways_geofabrik() -> gpd.GeoDataFrame:
    """Return lines as Geofabrik's shapefile has them."""
    return _table(
        _lines(3),
        osm_id=["1", "2", "3"], code=[8101, 8102, 8104], fclass=["river", "stream", "drain"],
        width=[180, 0, 0], name=["Río Inambari", None, None],
    )  # fmt: skip


def osm_waterways_overpass() -> gpd.GeoDataFrame:
    """Return lines as a GeoJSON from Overpass has them: flat tags, ids with a kind."""
    rows = osm_waterways()[["name", "waterway", "geometry"]]
    rows["@id"] = ["way/1", "way/2", "way/3", "way/4"]
    return rows.assign(boat=["yes", None, "no", None])


def osm_water_areas() -> gpd.GeoDataFrame:
    return _table(
        _areas(2),
        osm_id=["1", "2"], osm_way_id=[None, "7"], name=["Río Madre de Dios", None],
        natural=["water", "wetland"], other_tags=['"water"=>"river"', None],
    )  # fmt: skip


def osm_police() -> gpd.GeoDataFrame:
    return _table(
        _points(3),
        osm_id=["1", "2", "3"], name=["Comisaría", "Comisaría", "Posta"], place=[None] * 3,
        other_tags=['"amenity"=>"police"', '"amenity"=>"police","police"=>"station"',
                    '"amenity"=>"clinic"'],
    )  # fmt: skip


def osm_places() -> gpd.GeoDataFrame:
    return _table(
        _points(3),
        osm_id=["1", "2", "3"], name=["Mazuko", "Boca Colorado", "Cerro"],
        place=["town", "village", None], other_tags=['"population"=>"4500"', None, None],
    )  # fmt: skip


def osm_roads() -> gpd.GeoDataFrame:
    return _table(
        _lines(2),
        osm_id=["1", "2"], code=[5113, 5153], fclass=["primary", "footway"], name=["PE-30C", None],
        ref=["PE-30C", None], oneway=["B", "B"], maxspeed=[80, 0], layer=[0, 0],
        bridge=["F", "F"], tunnel=["F", "F"],
    )  # fmt: skip


def sword() -> gpd.GeoDataFrame:
    return _table(
        _lines(2),
        x=[-69.95, -69.85], y=[-12.0, -12.0], reach_id=[62210000011, 62210000021],
        reach_len=[10900.0, 10900.0], n_nodes=[54, 54], wse=[190.0, 189.0], wse_var=[0.1, 0.1],
        width=[220.0, -9999.0], width_var=[1.0, 1.0], facc=[900.5, 960.5], n_chan_max=[1, 2],
        obstr_type=[0, 0], dist_out=[20000.0, 9100.0], n_rch_up=[1, 1], n_rch_dn=[2, 0],
        rch_id_up=["62210000001", "62210000011"], rch_id_dn=["62210000021 62210000031", " "],
        lakeflag=[0, 0], type=[1, 1], river_name=["Rio Inambari; Inambari", "NODATA"],
    )  # fmt: skip


def dcw_rivers() -> gpd.GeoDataFrame:
    return _table(
        _lines(2),
        ISO=["PER", "PER"], F_CODE_DES=["River/Stream"] * 2, HYC_DESCRI=["Perennial/Permanent"] * 2,
        NAM=["UNK", "RIO INAMBARI"], NAME_0=["Peru", "Peru"],
    )  # fmt: skip


def dcw_water_areas() -> gpd.GeoDataFrame:
    return _table(
        _areas(2),
        ISO=["PER", "PER"], COUNTRY=["Peru", "Peru"],
        F_CODE_DES=["Inland Water", "Land Subject to Inundation"],
        HYC_DESCRI=["Perennial/Permanent", "Non-Perennial/Intermittent/Fluctuating"],
        NAME=["UNK", "UNK"],
    )  # fmt: skip


def natural_earth_rivers() -> gpd.GeoDataFrame:
    return _table(
        _lines(1), featurecla=["River"], scalerank=[6], rivernum=[291], dissolve=["291River"],
        name=["Madre de Dios"], name_alt=[None], note=[None], min_zoom=[5.0], strokeweig=[0.2],
        name_en=["Madre de Dios"], min_label=[6.0],
    )  # fmt: skip


def natural_earth_borders() -> gpd.GeoDataFrame:
    return _table(
        _lines(1), featurecla=["International boundary (verify)"], name=[None], type=["Land"],
        adm0_left=["Bolivia"], adm0_right=["Peru"], adm0_a3_l=["BOL"], adm0_a3_r=["PER"],
    )  # fmt: skip


def natural_earth_places() -> gpd.GeoDataFrame:
    return _table(
        _points(2), scalerank=[6, 8], featurecla=["Admin-1 capital", "Populated place"],
        name=["Puerto Maldonado", "Mazuko"], nameascii=["Puerto Maldonado", "Mazuko"],
        adm0name=["Peru", "Peru"], pop_max=[70000, -99], pop_min=[50000, -99],
    )  # fmt: skip


def amazon_mining_watch() -> gpd.GeoDataFrame:
    """Return three kinds stacked, as the cumulative files are when they are put together."""
    return _table(
        _areas(5),
        src_fid=[1.0, 2.0, 3.0, NAN, NAN], year=[2020, 2023, 2023, 2023, 2025],
        kind=["extent_2020", "extent_2023", "extent_2023", "new_in_year", "new_in_quarter"],
        polygon_area_ha=[NAN, NAN, NAN, 23.0, 11.5], mined_area_ha=[NAN, NAN, NAN, 9.0, 4.0],
        quarter=[NAN, NAN, NAN, NAN, 2.0],
    )  # fmt: skip


def amazon_mining_watch_patches() -> gpd.GeoDataFrame:
    """Return the patches as they are published."""
    return _table(_areas(2), confidence=[0.93, 0.61], kth_neighbor_km=[0.7, 2.2])


amazon_mining_watch_increments = amazon_mining_watch


def gfw_integrated_alerts() -> gpd.GeoDataFrame:
    return _table(
        _points(3),
        longitude=[-70.0, -69.9, -69.8], latitude=[-12.0] * 3,
        gfw_integrated_alerts__date=["2024-05-01", "2024-05-02", "2024-06-30"],
        gfw_integrated_alerts__confidence=["nominal", "high", "highest"],
        gfw_integrated_alerts__intensity=[5, 10, 55],
    )  # fmt: skip


def oefa_mining_areas() -> gpd.GeoDataFrame:
    return _table(
        _areas(3),
        NOMBRE_AREA=["Área 1", "Área 2", "Área 3"], COD_MINF=["MI-1", "MI-2", "MI-3"],
        FUENTE=["REINFO", "UFAFEMA-PPO", "otra"], CREATED_DATE=[1741046400000, 1741046400000, None],
    )  # fmt: skip


def ingemmet_concessions() -> gpd.GeoDataFrame:
    """Return the cadastre as the service gives it: codes of the state and words beside."""
    return _table(
        _areas(5),
        CODIGOU=["010000123", "010000124", "010000125", "010000126", "010000127"],
        FEC_DENU=["01/08/1999", "02/08/2004", "03/08/2011", "04/08/2012", "05/08/2012"],
        HECTAGIS=[100.0, 200.0, 300.0, 400.0, 500.0],
        CONCESION=["PIÑA DE ORO", "SAN JOSÉ", "", "EL SOL", "RARA"],
        TIT_CONCES=["PERSONA UNO", "PERSONA DOS", "PERSONA TRES", "PERSONA CUATRO", "OTRA"],
        ESTADO=["T", "P", "X", "B", "Z"], SUSTANCIA=["M", "M", "M", "N", "M"],
        D_ESTADO=["D.M. Titulado D.L. 708", "D.M. en Trámite D.L. 708",
                  "D.M. Extinguido a publicar", "Planta de Beneficio", ""],
        LEYENDA=["TITULADO", "TRAMITE", "EXTINGUIDO", "PLANTA", ""],
        CARTA=["26-Y"] * 5, ZONA=["19"] * 5, DEPA=["MADRE DE DIOS"] * 5, PROVI=["TAMBOPATA"] * 5,
        DISTRI=["INAMBARI"] * 5,
    )  # fmt: skip


def ingemmet_concessions_words() -> gpd.GeoDataFrame:
    """Return an older variant: no codes, other names, the owner as TITULAR."""
    rows = ingemmet_concessions()
    named = rows.rename(columns={"TIT_CONCES": "TITULAR", "HECTAGIS": "HECTAREAS"})
    return named.drop(columns=["ESTADO", "LEYENDA"])


def reinfo() -> gpd.GeoDataFrame:
    return _table(
        _points(1),
        COD_REINFO=["REINFO-1"], NOMBRE_MIN=["PERSONA UNO"], M_RUC=["10000000001"],
        DEPARTAMENTO=["MADRE DE DIOS"], PROVINCIA=["TAMBOPATA"], DISTRITO=["INAMBARI"],
        TIPO_ACT=["EXPLOTACION"], ESTADO=["VIGENTE"], LATITUD_G84=[-12.0], LONGITUD_G84=[-70.0],
    )  # fmt: skip


def inei_police_stations() -> gpd.GeoDataFrame:
    """Return the census when its headings stand right; the shifted CSV is in test_tables."""
    return _table(
        _points(3),
        ID_N=["0632", "0635", "0637"], UBIGEO=["080902", "080903", "080905"],
        NOMBREDI=["ECHARATE", "HUAYOPATA", "OCOBAMBA"], INF110_TOT=[20, 11, 11],
        GPSLATITUD_INF=[-12.0] * 3, GPSLONGITUD_INF=[-70.0, -69.9, -69.8],
    )  # fmt: skip


def geonames() -> gpd.GeoDataFrame:
    return _table(
        _points(2),
        geonameid=[3919998, 3932145], name=["Cobija", "Laberinto"], latitude=[-12.0, -12.0],
        longitude=[-70.0, -69.9], countrycode=["BO", "PE"], population=[26585, 0],
        timezone=["America/La_Paz", "America/Lima"], admin1code=["06", "17"],
        alternatenames=["CIJ|Cobija", ""],
    )  # fmt: skip


def centros_poblados() -> gpd.GeoDataFrame:
    return _table(
        _points(2),
        IDCCPP_17=["1701010001", "1701010002"], NOMCCPP_17=["SANTA ROSA", "MAZUKO"],
        DEPARTAMEN=["MADRE DE DIOS"] * 2, PROVINCIA=["TAMBOPATA"] * 2, POBTOTAL=[812, 4500],
    )  # fmt: skip


def centros_poblados_ign() -> gpd.GeoDataFrame:
    return _table(
        _points(2),
        NOM_POBLAD=["SANTA ROSA", "MAZUKO"], CAT_POBLAD=["CASERIO", "PUEBLO"],
        CÓDIGO=["1701010001", "1701010002"], DEP=["MADRE DE DIOS"] * 2,
    )  # fmt: skip


def peru_capitals() -> gpd.GeoDataFrame:
    return _table(
        _points(3),
        CAPITAL=["PUERTO MALDONADO", "SANTA ROSA", "SANTA ROSA"], DEPARTAM=["MADRE DE DIOS"] * 3,
        PROVINCIA=["TAMBOPATA", "MANU", "TAHUAMANU"], DISTRITO=["TAMBOPATA", "MANU", "IBERIA"],
    )  # fmt: skip


def mining_watch_airstrips() -> gpd.GeoDataFrame:
    rows = _table(_points(2), Latitude=[-12.0] * 2, Longitude=[-70.0, -69.9])
    return rows.assign(**{"Airstrip ID": [934, 983], "Attribution": ["…", "…"]})


def mining_watch_areas() -> gpd.GeoDataFrame:
    return _table(
        _areas(1),
        country=["Peru"], name_field=["Tambopata"], type_field=["Reserva Nacional"],
        status_field=[None], economic_impact_usd=[5.0e8], mining_affected_area_ha=[1813.87],
    )  # fmt: skip


def mining_watch_territories() -> gpd.GeoDataFrame:
    return _table(
        _areas(1),
        country=["Peru"], name_field=["Kotsimba"], ethnicities_field=["Ese Eja"],
        mining_affected_area_ha=[812.5], illegality_areas=["[]"], locations=["[]"],
    )  # fmt: skip


def ingemmet_restricted() -> gpd.GeoDataFrame:
    return _table(
        _areas(1),
        CODIGO=["OT000033"], NOMBRE=["ZONA DE MINERIA AURIFERA - DU 012-2010"], TP_RESE=[""],
        TITULAR=["PERSONA UNO"], NORMA=["DU 012-2010"], HAS=[498296.7], LEYENDA=["REFERENCIAL"],
    )  # fmt: skip


def peru_limits() -> gpd.GeoDataFrame:
    return _table(
        _areas(1), IDDIST=["170101"], NOMBDEP=["MADRE DE DIOS"], NOMBPROV=["TAMBOPATA"],
        NOMBDIST=["INAMBARI"],
    )  # fmt: skip


def peru_health_posts() -> gpd.GeoDataFrame:
    return _table(
        _points(2), key=[99, 1], e_salud=["170101A101", "170101A201"],
        name=["HOSP. SANTA ROSA", "C.S. JORGE CHAVEZ"], latitude=[-12.6, -12.58],
        longitude=[-69.18, -69.2],
    )  # fmt: skip


def sernanp_areas() -> gpd.GeoDataFrame:
    return _table(
        _areas(1), anp_codi=["RN20"], anp_cate=["Reserva Nacional"], anp_nomb=["Tambopata"]
    )


def smart_patrols() -> gpd.GeoDataFrame:
    start = 1_717_200_000_000.0  # 2024-06-01 00:00 UTC, milliseconds
    track = MultiLineString(
        [[(-70.0, -12.0, start), (-69.9, -12.0, start + 3.6e6), (-69.8, -12.0, start + 7.2e6)]]
    )
    return _table(
        [track],
        uuid=["6f3a"], id=["MDD_000001"], patrol_mandate=["Research and Monitoring"],
        patrol_transport=["Motor Boat"], patrol_leg_day_start=["2024-06-01T00:00:00+00:00"],
        patrol_leg_day_end=["2024-06-01T02:00:00+00:00"], station_uuid=["aa"], ca_uuid=["bb"],
        leader=["PERSONA UNO"],
    )  # fmt: skip


def earthranger_patrols() -> gpd.GeoDataFrame:
    return _table(
        _lines(2),
        patrol_id=["p1", "p1"], patrol_title=["río abajo"] * 2, patrol_serial_number=[12, 12],
        patrol_status=["done"] * 2, patrol_subject=["PERSONA UNO"] * 2, groupby_col=["s1", "s1"],
        segment_start=["2024-06-01 00:00:00+00:00", "2024-06-01 00:10:00+00:00"],
        segment_end=["2024-06-01 00:10:00+00:00", "2024-06-01 00:25:00+00:00"],
        timespan_seconds=[600.0, 900.0], dist_meters=[10900.0, 10900.0],
        speed_kmhr=[np.round(65.4, 1), 43.6],
    )  # fmt: skip


def gpx_tracks() -> gpd.GeoDataFrame:
    """Return the table that GDAL makes of a GPX file's tracks."""
    empty: list[Any] = [None]
    return _table(
        _lines(1),
        name=["patrulla 1"], cmt=empty, desc=empty, src=empty, link1_href=empty, number=empty,
        type=empty,
    )  # fmt: skip
