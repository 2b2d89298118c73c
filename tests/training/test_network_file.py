"""mg.save and mg.load: a model that was trained by `fit`, in a file."""

from pathlib import Path

import numpy as np
import pytest

import micrograd as mg

MODELS = {
    "an MLP": lambda: mg.MLP(2, [4, 3, 1], seed=1),
    "names of activations": lambda: mg.MLP(
        2, [4, 3, 1], ["tanh", "softplus"], output_activation="sigmoid", seed=1
    ),
    "a linear one": lambda: mg.MLP(2, [1], seed=1),
}


class Pair(mg.Module):
    def __init__(self, seed: int):
        self.first = mg.Layer(2, 2, "tanh", seed=seed)
        self.scale = mg.Value(float(seed))

    def __call__(self, x):
        return mg.sum(self.first(x)) * self.scale


@pytest.mark.parametrize("case", MODELS)
def test_a_network_comes_back_with_all_its_numbers(case, tmp_path):
    model = MODELS[case]()
    mg.save(model, tmp_path / "net.safetensors")
    again = mg.load(tmp_path / "net.safetensors")
    assert [p.data for p in again.parameters()] == [p.data for p in model.parameters()]
    assert again([0.25, -3.0])[0].data == model([0.25, -3.0])[0].data
    assert repr(again) == repr(model).replace(", seed=1", "")


@pytest.mark.native
def test_a_model_that_fit_trained_predicts_the_same_from_its_file(tmp_path):
    x = np.linspace(-1, 1, 40)[:, None]
    model = mg.MLP(1, [4, 1], "tanh", seed=0)
    mg.fit(model, x, x[:, 0] ** 2, loss="mse", epochs=3, progress=False)
    mg.save(model, tmp_path / "net.safetensors")
    again = mg.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(mg.Predictor(again)(x), mg.Predictor(model)(x))


def test_any_module_takes_its_numbers_from_a_file(tmp_path):
    path = tmp_path / "pair.safetensors"
    mg.save(Pair(3), path)
    with pytest.raises(ValueError, match="holds the numbers of a Pair; make one"):
        mg.load(path)
    again = Pair(5)
    assert mg.load(path, into=again) is again
    assert again([1.0, 2.0]).data == Pair(3)([1.0, 2.0]).data
    with pytest.raises(mg.ShapeError):
        mg.load(path, into=mg.MLP(2, [1]))


def test_a_function_as_activation_needs_a_model_to_load_into(tmp_path):
    path = tmp_path / "net.safetensors"
    mg.save(mg.MLP(1, [2, 1], mg.softplus, seed=0), path)
    with pytest.raises(ValueError, match="pass it as into="):
        mg.load(path)
    model = mg.load(path, into=mg.MLP(1, [2, 1], mg.softplus))
    assert model.parameters()[0].data == mg.MLP(1, [2, 1], mg.softplus, seed=0).parameters()[0].data


def test_what_is_no_model(tmp_path):
    path: Path = tmp_path / "net.safetensors"
    with pytest.raises(TypeError, match=r"expected a Module, such as mg\.MLP, to save, got 5"):
        mg.save(5, path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"in the format \.safetensors"):
        mg.save(mg.Neuron(1), tmp_path / "net.pkl")
    with pytest.raises(FileNotFoundError):
        mg.load(path)
    path.write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"truncated or is not a model of `mg\.save`"):
        mg.load(path)
    mg.save(mg.Neuron(1, seed=0), path)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="damaged"):
        mg.load(path, into=mg.Neuron(1))
