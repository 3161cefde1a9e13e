"""The training engine: the only trusted code that imports TensorFlow.

Set `THREAD_VARIABLES` before the first import of TensorFlow; it reads them once.
"""


def thread_variables(threads: int) -> dict[str, str]:
    """Returns the environment of a process that computes on `threads` threads, on the CPU's terms.

    The number of threads changes how sums are split, hence the bits, so it belongs to a run's
    identity and is never left to chance.
    """
    return {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
    }
