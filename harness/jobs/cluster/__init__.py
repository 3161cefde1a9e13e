"""Jobs done by a Dask cluster instead of this machine's own workers.

Dask schedules, retries, survives the loss of workers and knows of resources; what is here only
brings our jobs to it and its records home. Decision: docs/decisions/0021.

    pool         submits jobs, receives what comes of them, sends again what was lost
    connection   reaches a scheduler, or starts a cluster on this machine; refuses wrong versions
    address      what --cluster says
    payloads      records, data sets and this project's code as bytes
    remote       runs inside a Dask worker: keeps nodes, hands them work
    node         a process beside each Dask worker: our own workers' pool, of one worker
"""
