"""After closing time, when nobody moves anything: what pickers did not find is counted, and cases about it end."""

import asyncio

from simulators.branch import Branch

#: Who counts; what the first one found is counted by the second one too if it is far from what the books have; when
#: those two agree it stands, and if it is very far a manager says so.
_PEOPLE = ("counter-1", "counter-2")
_MANAGER = "manager-1"
_AGAIN_S = 0.05


async def count_what_is_in_doubt(branch: Branch) -> int:
    """Take up every count that the store asks for, until none is left; how many there were."""
    branch.shop.find_all()
    done: set[str] = set()
    while counts := (await branch.till.look("/v1/counts"))["counts"]:
        for count in counts:
            done.add(count["count"])
            await _count(branch, f"/v1/counts/{count['count']}")
        await asyncio.sleep(_AGAIN_S)
    return len(done)


async def _count(branch: Branch, path: str) -> None:
    till, truth = branch.till, branch.shop.truth()
    for by in _PEOPLE:
        count = await till.look(path)
        left = [line["sku"] for line in count["lines"] if line["state"] in ("requested", "recount")]
        if not left:
            break
        await till.ask(f"{path}/start", {"by": by})
        found = [{"sku": sku, "counted": truth.get(sku, {}).get(count["place"], 0)} for sku in left]
        await till.ask(f"{path}/lines", {"by": by, "lines": found})
    count = await till.look(path)
    undecided = [line for line in count["lines"] if line["state"] == "review"]
    if undecided:
        lines = [{"sku": line["sku"], "approve": len(line["counted"])} for line in undecided]
        await till.ask(f"{path}/review", {"by": _MANAGER, "lines": lines})
