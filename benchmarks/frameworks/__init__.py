"""Framework by fault: what one added line names, and what a framework's own logging suffices for.

    make framework-faults                                    # all frameworks; writes the page
    python -m benchmarks.frameworks --only plain_loop        # one of them; the others are kept
    python -m benchmarks.frameworks --only plain_loop --plant healthy --seeds 1 --dry

Each framework trains the programs of `programs.py` by its own quick-start example, once with the
line that attaches tuneguard and once without. What the diagnosis says is kept in `outcomes.json`;
`page.py` writes docs/explanation/framework-faults.md from it.

To add a framework, write a module in this folder that has

- `NAME`, what the page calls it;
- `OWN_LOGGING`, what it logs by without us, such as "mlflow.keras.autolog";
- `LINE`, the line that attaches tuneguard; empty where there is no network to attach it to;
- `PLANTS`, the plants that it can be trained with, where those are not all;
- `train(program, store, is_attached)`, which trains a `Program` with the SQLite store of this URI
  as MLflow's, and returns the id of the run, or the `Path` of the file that holds its history;

and list the module's name in `FRAMEWORKS`. The module is imported in a process of its own, with
the current folder empty and one thread: import the framework at its top. `train` is called once
for each program; `program.split()` and `program.layers` say what to build, and torch's, NumPy's
and Python's generators are seeded before. A training should take a few seconds.
"""

FRAMEWORKS = (
    "plain_loop",
    "lightning_autolog",
    "lightning_logger",
    "transformers_trainer",
    "accelerate_loop",
    "keras_fit",
    "xgboost_autolog",
    "lightgbm_autolog",
)
