"""The training engine: the only trusted code that imports TensorFlow.

Set `THREAD_VARIABLES` before the first import of TensorFlow; it reads them once.
"""
