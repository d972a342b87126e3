"""Loads every .h5 of a folder in Keras, compares it with the .json beside it, and saves it again as .back.h5. Prints differences by name."""

import glob
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

differences = {}
for file in sorted(glob.glob(os.path.join(sys.argv[1], "*.h5"))):
    name = os.path.basename(file)[: -len(".h5")]
    answers = os.path.join(sys.argv[1], f"{name}.json")
    if not os.path.exists(answers):
        continue
    with open(answers) as opened:
        told = json.load(opened)
    inputs = [np.array(one["data"], dtype=one["dtype"]).reshape(one["shape"]) for one in told["inputs"]]
    try:
        model = keras.models.load_model(file, compile=False)
        outputs = model(inputs[0] if len(inputs) == 1 else inputs)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        pairs = zip(outputs, told["outputs"], strict=True)
        differences[name] = max(float(np.abs(keras.ops.convert_to_numpy(one).ravel() - other).max()) for one, other in pairs)
        model.save(file.replace(".h5", ".back.h5"))
    except Exception as error:  # noqa: BLE001 the spec reads why
        differences[name] = f"{type(error).__name__}: {error}"[:300]
print(json.dumps({"version": keras.__version__, "differences": differences}))
