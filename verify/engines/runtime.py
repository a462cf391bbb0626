"""Running one ONNX network on one core: OpenVINO where it can, ONNX Runtime otherwise.

Measured for the embedder and the passive net on the same core: OpenVINO 6.5 and 4.1 ms, OpenCV 10.9 and 7.0 ms, ONNX Runtime 31-110 and
10 ms (its layout for vector instructions meets 8,938 denormal weights). Results agree within 2e-5. Precision is held at 32 bits: by
default OpenVINO takes bfloat16 where the processor has it, and then similarities would depend on the machine.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from verify.errors import EngineError


class Network(Protocol):
    """A loaded network with one input. Thread-safe."""

    runtime: str

    def __call__(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """First output for one input tensor."""
        ...


def load_network(path: Path) -> Network:
    """Load an ONNX file. Raises EngineError when no runtime can read it."""
    try:
        return OpenVinoNetwork(path)
    except ImportError:
        return OnnxRuntimeNetwork(path)
    except RuntimeError:  # an operator that OpenVINO does not know; a broken file is reported by the other runtime
        return OnnxRuntimeNetwork(path)


def compile_model(path: Path, shape: tuple[int, ...] | None = None) -> Any:
    """An OpenVINO model on one core, its one input reshaped when a shape is given. Raises ImportError without OpenVINO."""
    import openvino

    options = {
        "INFERENCE_NUM_THREADS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "CPU_DENORMALS_OPTIMIZATION": True,  # 6.9 instead of 20 ms for the stock embedder
    }

    def compile_here() -> Any:
        core = openvino.Core()
        model = core.read_model(str(path))
        if shape is not None:
            model.reshape(list(shape))
        return core.compile_model(model, "CPU", options)

    # The denormals option turns them off in the thread that compiles, for everything that it computes later: so a thread of its own
    # compiles, and inference is asynchronous, in OpenVINO's thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(compile_here).result()


class OpenVinoNetwork:
    """One compiled model for all threads, one inference request for each."""

    runtime = "openvino"

    def __init__(self, path: Path) -> None:
        self._model = compile_model(path)
        self._local = threading.local()

    def __call__(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Network."""
        request: Any = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._model.create_infer_request()
        request.start_async([tensor], share_inputs=True)
        request.wait()
        return np.array(request.get_output_tensor(0).data, dtype=np.float32)


class OnnxRuntimeNetwork:
    """A single-threaded CPU session, shared by all threads: workers, not threads within one picture, fill the cores."""

    runtime = "onnxruntime"

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # the last level (NCHWc) is three times slower on the stock embedder
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises many kinds of its own
            raise EngineError(f"{path.name} cannot be loaded as an ONNX network: {error}") from error
        self._input = self._session.get_inputs()[0].name

    def __call__(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Network."""
        return np.asarray(self._session.run(None, {self._input: tensor})[0], dtype=np.float32)
