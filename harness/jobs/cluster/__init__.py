"""Runs jobs on a Dask cluster instead of this machine's own workers.

Dask schedules, retries, survives the loss of workers and knows of resources; this package sends it
our jobs and stores its records. Decision: docs/decisions/0021.

    pool         submits jobs, receives their records, sends lost ones again
    connection   reaches a scheduler, or starts a cluster on this machine; refuses wrong versions
    address      the value of --cluster
    payloads      records, data sets and this project's code as bytes
    dask_worker  runs inside a Dask worker: keeps nodes, hands them work
    node         a process beside each Dask worker: our own workers' pool, of one worker
"""
