"""The program of an examiner: reads requests from its input, and writes one answer to each.

`python -m tuneguard.server.examiner` is started by the server, never by hand. The first line says
where the server keeps its runs, and is answered when all is imported; each further line is a
request. Requests and answers are JSON.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tuneguard.exceptions import TuneGuardError

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]

_NICENESS = 10

_logger = logging.getLogger(__name__)


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # what a library prints must not be taken for an answer
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(requests,), daemon=True).start()
        places = json.loads(requests.get())
        _step_back(int(places.get("niceness", _NICENESS)))
        does = _abilities(places)
        _write(answers, {"ready": True})
        while True:
            _write(answers, _answered(json.loads(requests.get()), does))


def _write(answers: IO[bytes], answer: Mapping[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _step_back(niceness: int) -> None:
    """Leave processor and memory to MLflow's server."""
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _listen(requests: queue.SimpleQueue[bytes]) -> None:
    """Pass requests on; without a server there is nobody to answer, whatever is going on."""
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)


def _abilities(places: Mapping[str, str | None]) -> dict[str, Answer]:
    from tuneguard.server.artifact_places import serve_proxied_artifacts  # noqa: PLC0415
    from tuneguard.server.examination import Examination  # noqa: PLC0415
    from tuneguard.server.stored_reports import StoredReports  # noqa: PLC0415

    store = str(places["store"])
    serve_proxied_artifacts(places["artifacts"])
    examination, reports = Examination(store), StoredReports(store)
    return {
        "examine": lambda request: examination.examine(
            request["run_id"], request["mark"], traces=request["traces"]
        ),
        "sweep": lambda request: examination.ended_since(request["since"]),
        "page": lambda request: reports.page(request["run_id"], request["links"]),
        "document": lambda request: reports.document(request["run_id"]),
    }


def _answered(request: Mapping[str, Any], does: Mapping[str, Answer]) -> Mapping[str, Any]:
    try:
        return does[request["do"]](request)
    except TuneGuardError as error:
        return {"problem": str(error)}
    except Exception as error:  # the next request may fare better
        _logger.exception("The server's examiner failed at %s", request)
        return {"problem": f"{type(error).__name__}: {error}".partition("\n")[0]}


if __name__ == "__main__":
    main()
