"""The transformer of multilingual-e5-small as an ONNX graph for onnxruntime on CPUs.

Input `x` (1, tokens, hidden): word, position and type embeddings, summed. Output `mean` (1, hidden): the
mean over the tokens. One text a run: no padding, no mask, and a vector that does not depend on what else
was embedded with it (onnxruntime scales the activations of a run together).

The matrices are int8, one scale a column, activations uint8 with a scale chosen as they come
(DynamicQuantizeMatMul). Weights use 7 of the 8 bits: kernels for CPUs without VNNI add pairs of products
in 16 bits, which then cannot overflow, so that all machines compute the same sums. Measured against 8
bits: no difference. What else is plain where fused operators exist is so because it was faster: layer
normalisation from its parts takes half the time of SkipLayerNormalization, Gelu with the bias in the
matrix product two thirds of BiasGelu (onnxruntime 1.32, AVX-512).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from kb.embedding.weights import Floats, Weights

MICROSOFT = "com.microsoft"
LARGEST = 63


def encoder(weights: Weights) -> ModelProto:
    """All layers and the mean."""
    return _Builder(weights).model()


def quantised(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """(outputs, inputs) → (inputs, outputs) in [-63, 63], and the scale of each output."""
    scales = np.maximum(np.abs(matrix).max(axis=1) / LARGEST, np.finfo(np.float32).tiny).astype(np.float32)
    return np.ascontiguousarray(np.rint(matrix / scales[:, np.newaxis]).astype(np.int8).T), scales


class _Builder:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def model(self) -> ModelProto:
        shape = self._weights.shape
        self._constant("last", np.array([-1], np.int64))
        self._constant("tokens", np.array([1], np.int64))
        self._constant("epsilon", np.array([shape.epsilon], np.float32))
        state = self._normalised("x", "emb.ln")
        for number in range(shape.layers):
            state = self._layer(state, f"l{number}")
        self._node("ReduceMean", [state, "tokens"], "mean", keepdims=0)
        graph = helper.make_graph(
            self._nodes,
            "multilingual-e5-small",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, "tokens", shape.hidden])],
            [helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, shape.hidden])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _layer(self, state: str, layer: str) -> str:
        joined = self._product(state, f"{layer}.qkv", [f"{layer}.{part}" for part in "qkv"])
        parts = [f"{layer}.{part}" for part in "qkv"]
        self._nodes.append(helper.make_node("Split", [joined], parts, axis=-1, num_outputs=3))
        heads = self._weights.shape.heads
        seen = self._node("MultiHeadAttention", parts, f"{layer}.attention", MICROSOFT, num_heads=heads)
        seen = self._product(seen, f"{layer}.ao", [f"{layer}.ao"])
        state = self._normalised(self._node("Add", [seen, state], f"{layer}.seen"), f"{layer}.aln")
        wide = self._product(state, f"{layer}.fi", [f"{layer}.fi"])
        wide = self._node("Gelu", [wide], f"{layer}.gelu", MICROSOFT)
        narrow = self._product(wide, f"{layer}.fo", [f"{layer}.fo"])
        return self._normalised(self._node("Add", [narrow, state], f"{layer}.thought"), f"{layer}.oln")

    def _product(self, state: str, out: str, parts: list[str]) -> str:
        """state · Wᵀ + b, the matrices of the parts side by side."""
        matrix, scales = quantised(np.concatenate([self._weights.matrix(f"{part}.w") for part in parts]))
        bias = np.concatenate([self._weights.vector(f"{part}.b") for part in parts])
        inputs = [state, self._constant(f"{out}.w", matrix), self._constant(f"{out}.s", scales), ""]
        return self._node("DynamicQuantizeMatMul", [*inputs, self._constant(f"{out}.b", bias)], out + ".y", MICROSOFT)

    def _normalised(self, state: str, name: str) -> str:
        """Layer normalisation over the last axis."""
        mean = self._node("ReduceMean", [state, "last"], f"{name}.mean", keepdims=1)
        apart = self._node("Sub", [state, mean], f"{name}.apart")
        squares = self._node("Mul", [apart, apart], f"{name}.squares")
        variance = self._node("ReduceMean", [squares, "last"], f"{name}.variance", keepdims=1)
        width = self._node("Sqrt", [self._node("Add", [variance, "epsilon"], f"{name}.safe")], f"{name}.width")
        even = self._node("Div", [apart, width], f"{name}.even")
        gain = self._constant(f"{name}.w", self._weights.vector(f"{name}.w"))
        scaled = self._node("Mul", [even, gain], f"{name}.scaled")
        return self._node("Add", [scaled, self._constant(f"{name}.b", self._weights.vector(f"{name}.b"))], f"{name}.y")

    def _node(self, operator: str, inputs: list[str], out: str, domain: str = "", **attributes: int) -> str:
        node = helper.make_node(operator, inputs, [out], domain=domain)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return out

    def _constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        self._constants.append(numpy_helper.from_array(values, name))
        return name
