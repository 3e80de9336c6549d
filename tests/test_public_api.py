"""The public names, each importable, sorted and documented."""

import inspect

import pytest

import tuneguard


def test_the_public_names_are_sorted_and_complete():
    assert sorted(tuneguard.__all__) == tuneguard.__all__
    assert dir(tuneguard) == tuneguard.__all__


@pytest.mark.parametrize("name", tuneguard.__all__)
def test_a_public_name_can_be_used(name):
    assert getattr(tuneguard, name) is not None


@pytest.mark.parametrize("name", [one for one in tuneguard.__all__ if one != "__version__"])
def test_a_public_name_has_a_docstring(name):
    assert inspect.getdoc(getattr(tuneguard, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        tuneguard.nonsense  # noqa: B018 - the access is what is tested
