"""Segments the cases of `exemplar evaluate` by the methods that a user would otherwise pick.

    exemplar evaluate DATA --json RESULTS ...
    python baseline.py RESULTS --out FOLDER [--contexts 4] [--tasks NAME ...] [--targets N] [--repeats N]
    exemplar evaluate DATA --json RESULTS ... --resume --baseline FOLDER/registration.json

Volumes by registration and vote, pictures by a random forest; from the masks of the same examples, for the same targets.
Only masks and seconds are written: the program scores them by its own code. A run that was stopped goes on.
"""

import argparse
import hashlib
import json
import os
import time
from pathlib import Path

import cases
import forest
import registration

SCHEMA = 1


def guesses(results, data, options, done):
    """Segments every case that is not done, yields after each."""
    for task in cases.tasks(results, options.tasks):
        method = registration if task.dims == 3 else forest
        if (options.dims or task.dims) != task.dims:
            continue
        opened = cases.volume if task.dims == 3 else cases.picture
        for repeat, plan in enumerate(task.repeats[: options.repeats]):
            if len(plan["examples"]) < options.contexts:
                continue
            prepared = None
            targets = plan["targets"][: options.targets]
            for name in targets:
                key = (task.name, repeat, name, options.contexts)
                if key in done:
                    continue
                if prepared is None:
                    start = time.perf_counter()
                    examples = [opened(data, task, n) for n in plan["examples"][: options.contexts]]
                    prepared = method.prepare(examples)
                    learning = (time.perf_counter() - start) / len(targets)
                start = time.perf_counter()
                mask = method.segment(prepared, opened(data, task, name).image)
                # What was learned once serves all targets: each bears its share.
                seconds = time.perf_counter() - start + learning
                yield method, key, mask, seconds


def file_name(key):
    """Short, and of its own for each guess."""
    return hashlib.sha256(repr(key).encode()).hexdigest()[:16]


def read(path):
    """The file of an earlier run, or an empty one for each method."""
    return json.loads(path.read_text()) if path.exists() else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="what `exemplar evaluate --json` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for masks, and a JSON file a method")
    parser.add_argument("--data", type=Path, help="the folder of data, if it is not where the results say")
    parser.add_argument("--contexts", type=int, default=4, help="examples")
    parser.add_argument("--tasks", nargs="*", help="only tasks whose names begin so")
    parser.add_argument("--dims", type=int, choices=(2, 3), help="only pictures or only volumes")
    parser.add_argument("--targets", type=int, help="at most, of each repeat")
    parser.add_argument("--repeats", type=int, help="at most")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    if results["schema"] != SCHEMA:
        raise SystemExit("the results are of another version of this program")
    data = options.data or Path(results["data"])
    options.out.mkdir(parents=True, exist_ok=True)
    files = {m.METHOD: options.out / f"{m.METHOD.replace(' ', '-')}.json" for m in (registration, forest)}
    written = {method: read(path) for method, path in files.items()}
    done = {
        (g["task"], g["repeat"], g["case"], g["contexts"])
        for file in written.values()
        if file
        for g in file["guesses"]
    }
    for method, key, mask, seconds in guesses(results, data, options, done):
        file = written[method.METHOD] or {
            "schema": SCHEMA,
            "method": method.METHOD,
            "program": method.PROGRAM,
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "guesses": [],
        }
        task, repeat, name, contexts = key
        where = method.write(mask, options.out, file_name((method.METHOD, *key)))
        file["guesses"].append(
            {
                "task": task,
                "repeat": repeat,
                "case": name,
                "contexts": contexts,
                "seconds": round(seconds, 3),
                "mask": where,
            }
        )
        written[method.METHOD] = file
        part = files[method.METHOD].with_suffix(".part")
        part.write_text(json.dumps(file, indent=1) + "\n")
        part.rename(files[method.METHOD])
        print(f"{task} {name}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
