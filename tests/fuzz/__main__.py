"""`python -m tests.fuzz [PART OF A NAME …]`: each target under atheris, as many side by side as there are cores."""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from tests.fuzz.targets import ROOT, Soak, Target, targets

INTO = ROOT / "build" / "fuzz"
#: One input may take this long; codecs take microseconds.
HANG_S = 5
#: libFuzzer itself and its corpus need some; a parser must not.
MOST_MIB = 1024
MOST_GROWTH_KIB = 2048
LONGEST_INPUT = 4096
SOAK_S = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a target; nothing `wrong` is well."""

    target: Target
    executions: int
    coverage: int
    soak: Soak | None
    wrong: str

    def __str__(self) -> str:
        figures = f"{self.executions:,} inputs, coverage {self.coverage}"
        if self.soak is not None:
            figures += f", then {self.soak.runs:,} again: {self.soak.grown_kib:+} KiB"
        return f"{self.target}: {'FAILED' if self.wrong else 'held'}, {figures}{self.wrong and f': {self.wrong}'}"


def fuzz(target: Target, seconds: int) -> Verdict:
    """Fuzz it, then run all that was found interesting again and again, and see what memory does."""
    corpus, found = INTO / "corpus" / target.name, INTO / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    done = run(
        "fuzz", target, f"-max_total_time={seconds}", f"-timeout={HANG_S}", f"-rss_limit_mb={MOST_MIB}",
        f"-max_len={LONGEST_INPUT}", f"-artifact_prefix={found}/{target.name}-", "-print_final_stats=1", str(corpus),
    )  # fmt: skip
    (INTO / f"{target.name}.log").write_text(done.stderr + done.stdout)
    executions = number(r"stat::number_of_executed_units: (\d+)", done.stderr)
    coverage = number(r"cov: (\d+)", done.stderr)
    if done.returncode:
        return Verdict(target, executions, coverage, None, why(done.stderr + done.stdout))
    soaked = run("soak", target, str(corpus), str(SOAK_S))
    if soaked.returncode:
        return Verdict(target, executions, coverage, None, why(soaked.stderr))
    soak = Soak(**json.loads(soaked.stdout.splitlines()[-1]))
    grew = f"it grew by {soak.grown_kib} KiB" if soak.grown_kib > MOST_GROWTH_KIB else ""
    return Verdict(target, executions, coverage, soak, grew or ("" if executions else "nothing was tried"))


def run(how: str, target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.fuzzed", how, target.module, target.name, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)


def number(pattern: str, text: str) -> int:
    """The last one that the fuzzer told."""
    return int((re.findall(pattern, text) or ["0"])[-1])


def why(log: str) -> str:
    """The line that says what went wrong, and where the input is."""
    told = re.findall(r"=== Uncaught Python exception: ===\n(.+)|.*(libFuzzer: .*)", log)
    kept = re.findall(r"Test unit written to (\S+)", log)
    words = next((one for one, _ in told if one), "") or (told[0][1] if told else log.splitlines()[-1])
    return " ".join([words, *(str(Path(path).relative_to(ROOT)) for path in kept[:1])])


def main() -> int:
    """Exit status 1 if anything did not hold."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    asked.add_argument("part", nargs="*", help="only targets with this in their name")
    asked.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    asked.add_argument("--jobs", type=int, default=os.cpu_count())
    plan = asked.parse_args()
    chosen = [one for one in targets() if not plan.part or any(part in one.name for part in plan.part)]
    if not chosen:
        asked.error(f"there is no such target; there are {', '.join(map(str, targets()))}")
    with ThreadPoolExecutor(plan.jobs) as pool:
        verdicts = []
        for verdict in pool.map(lambda one: fuzz(one, plan.seconds), chosen):
            print(verdict, flush=True)
            verdicts.append(verdict)
    held = sum(not one.wrong for one in verdicts)
    print(f"{held} of {len(verdicts)} held, {plan.seconds} s each; logs and inputs in {INTO.relative_to(ROOT)}")
    return held != len(verdicts)


if __name__ == "__main__":
    sys.exit(main())
