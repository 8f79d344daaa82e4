"""One target in a process of its own: `python -m tests.fuzz.fuzzed fuzz|soak MODULE FUNCTION ARGUMENT …`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.targets import Target, soak


def main(how: str, module: str, name: str, *arguments: str) -> None:
    target = Target(module, name)
    if how == "soak":
        corpus, seconds = arguments
        inputs = [path.read_bytes() for path in sorted(Path(corpus).iterdir())]
        print(json.dumps(asdict(soak(target.function(), inputs, float(seconds)))))
        return
    import atheris

    with atheris.instrument_imports(include=["agent", "drivers", "tests", "wire"]):
        function = target.function()
    atheris.Setup([name, *arguments], function)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
