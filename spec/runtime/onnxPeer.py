"""Checks every .onnx of a folder by onnx.checker and runs it in onnxruntime on the inputs in the .json beside it. Prints differences by name."""

import glob
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
differences = {}
for file in sorted(glob.glob(os.path.join(sys.argv[1], "*.onnx"))):
    name = os.path.basename(file)[: -len(".onnx")]
    try:
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        with open(file, "rb") as opened:
            if opened.read() != model.SerializeToString(deterministic=True):
                raise ValueError("onnx would write it in other bytes")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        with open(file.replace(".onnx", ".json")) as opened:
            cases = json.load(opened)
        far = 0.0
        for case in cases:
            feeds = {
                given.name: np.array(told["data"], dtype=told["dtype"]).reshape(told["shape"])
                for given, told in zip(session.get_inputs(), case["inputs"], strict=True)
            }
            for got, wanted in zip(session.run(None, feeds), case["outputs"], strict=True):
                largest = max(abs(value) for value in wanted) or 1
                far = max(far, float(np.abs(got.ravel() - np.array(wanted, dtype=np.float32)).max()) / largest)
        differences[name] = far
    except Exception as error:  # noqa: BLE001 the spec reads why
        differences[name] = f"{type(error).__name__}: {error}"[:300]
print(json.dumps(differences))
