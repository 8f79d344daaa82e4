"""The configuration: every mistake at once, each with its path, and nothing is connected."""

from pathlib import Path

import pytest

from agent import catalogue_import, config
from agent.catalogue_file import BadCatalogueError
from agent.config import ConfigMistakes, DeviceConfig
from agent.core.channels import Channel, Margin
from agent.core.costs import Costs
from agent.core.count_sessions import CountRules, Tolerance
from agent.core.instore import Form, InStore
from agent.core.picking.platforms import PlatformRules
from agent.devices import known_kinds, open_devices
from wire.mqtt import Broker

GOOD = """
[store]
id = "SH-0001"
chain = "demo"
[books]
path = "books.db"
catalogue = "catalogue.csv"
[hq]
broker = "mqtt://127.0.0.1:1883"
[tags]
settle_s = 2
[[device]]
name = "dock"
kind = "barcode_serial"
purpose = "receive"
settings = { port = "/dev/null" }
[[device]]
name = "portal"
kind = "llrp"
settings = { address = "tcp://127.0.0.1:5084" }
[[device.zone]]
antenna = 1
place = "BACKROOM"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "store.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    found = config.load(written(tmp_path, GOOD))
    assert (found.store, found.topics.chain, found.broker) == ("SH-0001", "demo", Broker("127.0.0.1", 1883))
    assert found.books == tmp_path / "books.db"
    assert (found.tags.settle_s, found.mqtt_version, found.web_port) == (2.0, "5", 8080)
    dock, portal = found.devices
    assert dock == DeviceConfig("dock", "barcode_serial", {"port": "/dev/null"}, {}, "receive")
    assert portal.places == {1: "BACKROOM"}
    devices, mistakes = open_devices(found.devices)
    assert (len(devices), mistakes) == (2, [])


def test_five_mistakes_are_all_reported_with_their_paths(tmp_path: Path) -> None:
    bad = (
        GOOD.replace('id = "SH-0001"', 'id = "SH 0001"')
        .replace("mqtt://127", "http://127")
        .replace("settle_s = 2", "setle_s = 2")
        .replace('"receive"', '"sell"')
        .replace("antenna = 1", "antenna = 0")
    )
    with pytest.raises(ConfigMistakes) as caught:
        config.load(written(tmp_path, bad))
    assert [mistake.split(":")[0] for mistake in caught.value.mistakes] == [
        "store.id",
        "hq.broker",
        "device[0].purpose",
        "device[1].zone[0].antenna",
        "tags.setle_s",
    ]
    assert "did you mean settle_s?" in str(caught.value)
    assert "5 mistakes" in str(caught.value)


CHANNELS = """
[[channel]]
name = "web"
hold_minutes = 30
quota = { "JKT-0101" = 2, MILK = 0 }
safety = { fair = 1, unsure = 2 }
finish_after_s = 60
[[channel]]
name = "counter"
local = true
"""


def with_channels(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """The mistakes in the channels above after these changes."""
    text = CHANNELS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ConfigMistakes) as caught:
        config.load(written(folder, GOOD + text))
    return caught.value.mistakes


def test_channels_are_read_and_what_is_not_said_is_usual(tmp_path: Path) -> None:
    found = config.load(written(tmp_path, GOOD.replace("[hq]", "[hq]\nlease_s = 120") + CHANNELS))
    assert found.lease_s == 120
    assert dict(found.channels) == {
        "web": Channel("web", {"JKT-0101": 2, "MILK": 0}, Margin(0, 1, 2), 1800, rules=PlatformRules(60)),
        "counter": Channel("counter", local=True),
    }
    usual = config.load(written(tmp_path, GOOD))
    assert (usual.lease_s, dict(usual.channels), found.channels["counter"].hold_s) == (90, {}, 900)


def test_the_map_is_beside_the_configuration(tmp_path: Path) -> None:
    assert config.load(written(tmp_path, GOOD)).map is None
    found = config.load(written(tmp_path, GOOD.replace("[hq]", 'map = "map.csv"\n[hq]', 1)))
    assert found.map == tmp_path / "map.csv"


def test_every_mistake_in_a_channel_has_its_path(tmp_path: Path) -> None:
    mistakes = with_channels(
        tmp_path,
        ("hold_minutes = 30", "hold_minutes = 0"),
        ('"JKT-0101" = 2', '"JKT-0101" = -2'),
        ("MILK = 0", "MILK = true"),
        ("fair = 1", "fare = 1"),
        ("unsure = 2", 'unsure = "2"'),
        ("finish_after_s = 60", "finish_after_s = 601"),
        ('"counter"', '"web"'),
        ("local = true", "local = 1\nholds = 3"),
    )
    assert [mistake.split(":")[0] for mistake in mistakes] == [
        "channel[0].quota.JKT-0101",
        "channel[0].quota.MILK",
        "channel[0].hold_minutes",
        "channel[0].safety.unsure",
        "channel[0].safety.fare",
        "channel[0].finish_after_s",
        "channel[1].local",
        "channel[1].holds",
        "channel[1].name",
    ]


@pytest.mark.parametrize(
    ("safety", "why"),
    [
        ("{ sure = 1, fair = 1, unsure = 1 }", "is the same for every record"),
        ("{ sure = 2, fair = 1, unsure = 3 }", "the surer a record is"),
        ("1", "1 is not a table"),
    ],
)
def test_a_flat_safety_is_a_mistake(tmp_path: Path, safety: str, why: str) -> None:
    (mistake,) = with_channels(tmp_path, ("{ fair = 1, unsure = 2 }", safety))
    assert mistake.startswith("channel[0].safety: ")
    assert why in mistake


def test_a_lease_is_neither_shorter_than_three_signs_of_life_nor_longer_than_an_hour(tmp_path: Path) -> None:
    for lease_s in (29, 3601):
        with pytest.raises(ConfigMistakes, match=r"hq\.lease_s: .* is not between 30 and 3600"):
            config.load(written(tmp_path, GOOD.replace("[hq]", f"[hq]\nlease_s = {lease_s}")))


def test_what_counts_may_be_off_by_is_read_for_pieces_and_grams(tmp_path: Path) -> None:
    assert config.load(written(tmp_path, GOOD)).counts == CountRules()
    table = "[counts]\nunits = 3\ngrams = 20\npercent = 0\nreview_above = 40\nreview_above_grams = 5000\n[tags]"
    found = config.load(written(tmp_path, GOOD.replace("[tags]", table))).counts
    assert found.of("each") == Tolerance(3, 0, 40)
    assert found.of("gram") == Tolerance(20, 0, 5000, repeat=20)
    bad = "[counts]\nunit = 3\ngrams = -1\npercent = 101\nreview_above = true\n[tags]"
    with pytest.raises(ConfigMistakes) as caught:
        config.load(written(tmp_path, GOOD.replace("[tags]", bad)))
    paths = {mistake.split(":")[0] for mistake in caught.value.mistakes}
    assert paths == {"counts.unit", "counts.grams", "counts.percent", "counts.review_above"}


def test_what_an_hour_a_bag_and_a_question_cost_is_read_and_no_nonsense_taken(tmp_path: Path) -> None:
    assert not config.load(written(tmp_path, GOOD)).picking.costs.are_known
    table = "[costs]\nwage_per_hour = 28\nper_bag = 0.3\nper_question = 0.5\n[tags]"
    assert config.load(written(tmp_path, GOOD.replace("[tags]", table))).picking.costs == Costs(28, 0.3, 0.5)
    bad = "[costs]\nwage = 28\nwage_per_hour = -1\nper_bag = nan\nper_question = 'much'\n[tags]"
    with pytest.raises(ConfigMistakes) as caught:
        config.load(written(tmp_path, GOOD.replace("[tags]", bad)))
    paths = {mistake.split(":")[0] for mistake in caught.value.mistakes}
    assert paths == {"costs.wage", "costs.wage_per_hour", "costs.per_bag", "costs.per_question"}


def test_places_are_watched_when_the_technician_says_so(tmp_path: Path) -> None:
    assert config.load(written(tmp_path, GOOD)).tags.watched == frozenset()
    found = config.load(
        written(tmp_path, GOOD.replace("settle_s = 2", 'watched = ["BACKROOM"]\nmissing_after_s = 900'))
    )
    assert (found.tags.watched, found.tags.missing_after_s) == (frozenset({"BACKROOM"}), 900.0)
    at_the_door = config.load(written(tmp_path, GOOD.replace('"BACKROOM"', '"EXIT"')))
    assert at_the_door.devices[1].places == {1: "EXIT"}


def test_every_mistake_about_departures_is_reported(tmp_path: Path) -> None:
    bad = """watched = ["BACKROOM", "FLOOR", "BACKROOM", 3]
round_s = 0
missing_after_s = 5000
missed_rounds = 1
give_up_after_s = 4000
leave_s = -1"""
    with pytest.raises(ConfigMistakes) as caught:
        config.load(written(tmp_path, GOOD.replace("settle_s = 2", bad)))
    assert sorted(caught.value.mistakes) == [
        "tags.give_up_after_s: must be more than missing_after_s, 5000",
        "tags.leave_s: -1.0 is not between 0 and 86400",
        "tags.missed_rounds: 1 is not between 3 and 1000",
        "tags.round_s: 0.0 is not between 1 and 3600",
        "tags.watched[1]: 'FLOOR' is no place of a device's zone; there are BACKROOM",
        "tags.watched[2]: 'BACKROOM' is there twice",
        "tags.watched[3]: 3 is no place of a device's zone; there are BACKROOM",
    ]


@pytest.mark.parametrize("text", ["[store", "\x00", "store = 3\nbooks = []\nhq = 1.5\ndevice = {}\nweb = 'x'", ""])
def test_any_text_gives_mistakes_and_no_traceback(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigMistakes):
        config.load(written(tmp_path, text))


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes, match="No such file"):
        config.load(tmp_path / "nowhere.toml")


def test_unknown_kinds_and_bad_settings_are_named_by_device() -> None:
    devices, mistakes = open_devices(
        [
            DeviceConfig("a", "teleporter", {}, {}, None),
            DeviceConfig("b", "barcode_serial", {"port": "/dev/null", "bauds": 9}, {}, "receive"),
        ]
    )
    assert devices == []
    assert mistakes[0] == f"device[0].kind: 'teleporter' is not installed; there are {', '.join(known_kinds())}"
    assert mistakes[1].startswith("device[1].settings.bauds")


def test_a_catalogue_file_names_its_bad_lines(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    header = "sku,gtin,name_en,name_zh,tagged\n"
    path.write_text(header + "A,4006381333931,a,甲,no\nB,1,b,乙,no\nC,96385074,c,丙,x\n", encoding="utf-8")
    with pytest.raises(BadCatalogueError, match=r"2 bad lines\n  line 3: .*\n  line 4: "):
        catalogue_import.check(path)
    path.write_text(header + "A,4006381333931,a,甲,no\n", encoding="utf-8-sig")
    assert list(catalogue_import.check(path).skus) == ["A"]
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadCatalogueError, match="cannot be read"):
        catalogue_import.check(path)


def test_tls_wants_its_folder_and_only_tls_does(tmp_path: Path) -> None:
    secured = GOOD.replace("mqtt://127.0.0.1:1883", "mqtts://hq.example")
    for text, says in (
        (secured, "hq.tls: is missing"),
        (
            secured.replace("[tags]", 'tls = "nowhere"\n[tags]'),
            f"hq.tls: {tmp_path / 'nowhere' / 'ca.pem'} cannot be read",
        ),
        (GOOD.replace("[tags]", 'tls = "nowhere"\n[tags]'), "hq.tls: is only for a broker at mqtts://"),
    ):
        with pytest.raises(ConfigMistakes) as caught:
            config.load(written(tmp_path, text))
        assert [mistake for mistake in caught.value.mistakes if mistake.startswith(says)] == caught.value.mistakes


def test_what_the_stores_own_codes_mean_is_read_and_every_mistake_in_it_named(tmp_path: Path) -> None:
    instore = """
[instore]
country = "se"
[[instore.form]]
pattern = "02IIIIICVVVV"
means = "price"
[[instore.form]]
pattern = "2777IIIXVVVV"
means = "grams"
step = 10
"""
    (tmp_path / "store.toml").write_text(GOOD + instore, encoding="utf-8")
    found = config.load(tmp_path / "store.toml")
    forms = (Form("02IIIIICVVVV", "price"), Form("2777IIIXVVVV", "grams", 10))
    assert found.instore == InStore("se", forms)
    bad = instore.replace("se", "us").replace("02IIIIIC", "92IIIIIC").replace("grams", "stones").replace("10", "0")
    (tmp_path / "store.toml").write_text(GOOD + bad + "prize = 1\n", encoding="utf-8")
    with pytest.raises(ConfigMistakes) as told:
        config.load(tmp_path / "store.toml")
    assert told.value.mistakes == [
        "instore.form[0].pattern: '92IIIIICVVVV' does not begin with 02, 04 or 20 to 29, as codes of a store do",
        "instore.form[1].means: 'stones' is none of grams, price, pieces",
        "instore.form[1].step: 0 is not between 1 and 10000",
        "instore.form[1].prize: is not known",
        "instore.country: 'us' is none of dk, ee, fi, de, gb, lv, lt, no, se",
    ]


def test_how_soon_the_same_code_counts_again_is_each_scanners_own(tmp_path: Path) -> None:
    (tmp_path / "store.toml").write_text(GOOD.replace('"receive"', '"receive"\nrepeat_ms = 0'), encoding="utf-8")
    dock, portal = config.load(tmp_path / "store.toml").devices
    assert (dock.repeat_ms, portal.repeat_ms) == (0, 300)
