"""Reads one workbook or Parquet file whole, with little memory and time, and says nothing: the process that `trial.py` starts.

Runs by itself, without the rest of the project, so that it is up in a moment. Arguments: path, bytes of memory, seconds of processor time.
Exit code 0: it could be read, or it is damaged in a way that the reader notices. Any other end: it asked for more than it may have.
"""

from __future__ import annotations

import resource
import sys

TOO_MUCH = 3
PARQUET = b"PAR1"
PARQUET_BATCH = 5_000


def main() -> int:
    """See the module."""
    path, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with open(path, "rb") as stream:
        parquet = stream.read(len(PARQUET)) == PARQUET
    read = _parquet if parquet else _workbook
    # data, not address space: libraries reserve addresses that they never use
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        read(path)
    except MemoryError:
        return TOO_MUCH
    except BaseException as error:  # a panic of the reader's own library is no Exception
        return TOO_MUCH if _is_memory(error) else 0
    return 0


def _is_memory(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException" or "alloc" in str(error).lower() or "capacity" in str(error).lower()


def _workbook(path: str) -> None:
    from python_calamine import CalamineWorkbook

    workbook = CalamineWorkbook.from_path(path)
    for position in range(len(workbook.sheet_names)):
        sheet = workbook.get_sheet_by_index(position)
        if sheet.height:
            sheet.to_python(skip_empty_area=True)
            return


def _parquet(path: str) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=PARQUET_BATCH):
            batch.to_pylist()


if __name__ == "__main__":
    sys.exit(main())
