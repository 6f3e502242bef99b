"""An experiment as one Gin file that loads again: what a run keeps of its configuration."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from pipeline.gin_files import SETTINGS, Binding, MacroReference, read_keys, references_in


def configuration_text(bindings: Sequence[Binding], operative_texts: Iterable[str]) -> str:
    """Return a Gin file that gives the same experiment as some statements, and loads.

    It holds the bindings that were read, each once, and the macros that they lead to. What a
    later statement put aside is left out, since the checks of `gin_files` would take
    it for a mistake where that statement alone is left.

    Args:
        bindings: Of the files and the command line.
        operative_texts: Gin's operative configurations, of every setting of the sweep.
    """
    last = {binding.key: binding for binding in bindings}
    read = read_keys(bindings, operative_texts)
    kept = {key: binding for key, binding in last.items() if key in read}
    settings, macros = kept.pop(SETTINGS, None), _macros_behind(kept.values(), last)
    if settings is not None:
        num_macros = -1
        while len(macros) > num_macros:  # a change of a macro that counts may refer to others
            num_macros = len(macros)
            kept[SETTINGS] = _without_ineffective_macros(settings, macros)
            macros = _macros_behind(kept.values(), last)
    lines = [macros[key].text for key in sorted(macros, key=str.lower)]
    configurable = None
    for key in sorted(kept, key=lambda one: _reading_order(kept[one])):
        if kept[key].configurable != configurable:
            configurable = kept[key].configurable
            lines += ["", f"# {configurable}"]
        lines.append(kept[key].text)
    return "\n".join(lines).strip() + "\n"


def _macros_behind(
    bindings: Iterable[Binding], defined: Mapping[str, Binding]
) -> dict[str, Binding]:
    """Return the macros that bindings refer to, directly or not."""
    macros: dict[str, Binding] = {}
    new = list(bindings)
    while new:
        names = {
            reference.name
            for binding in new
            for reference in references_in(binding.value)
            if isinstance(reference, MacroReference)
        }
        new = [defined[name] for name in sorted(names - macros.keys())]
        macros |= {binding.key: binding for binding in new}
    return macros


def _reading_order(binding: Binding) -> tuple[str, ...]:
    return (binding.name.lower(), binding.scope.lower(), binding.parameter)


def _without_ineffective_macros(settings: Binding, macros: Mapping[str, Binding]) -> Binding:
    """Return the sweep without changes of macros that nothing refers to."""
    value = {
        name: {key: item for key, item in changes.items() if "." in key or key in macros}
        for name, changes in settings.value.items()
    }
    return dataclasses.replace(settings, value=value)
