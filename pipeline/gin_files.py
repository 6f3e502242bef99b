"""Gin files as statements: what they bind, and whether every name and binding makes sense.

Gin alone accepts a misspelt macro, lets a binding lapse that nothing reads, and reports unknown
names without the valid ones. The checks here run on the text, before anything is built.
"""

import dataclasses
import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gin
from gin import config_parser

from pipeline.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class MacroReference:
    """`%NAME` in a value."""

    name: str


@dataclasses.dataclass(frozen=True)
class ConfigurableReference:
    """`@scope/name()` in a value."""

    scoped_name: str

    @property
    def name(self) -> str:
        """The configurable's name without its scope."""
        return self.scoped_name.rpartition("/")[2]


@dataclasses.dataclass(frozen=True)
class Binding:
    """One statement `scope/configurable.parameter = value`; a macro has no parameter."""

    scope: str
    name: str
    parameter: str
    value: Any
    where: str

    @property
    def key(self) -> str:
        """The left side of the statement as it is written in Gin."""
        scoped = f"{self.scope}/{self.name}" if self.scope else self.name
        return f"{scoped}.{self.parameter}" if self.parameter else scoped


class _Delegate(config_parser.ParserDelegate):
    """Turns references into plain values instead of resolving them."""

    def configurable_reference(self, scoped_configurable_name, evaluate):
        return ConfigurableReference(scoped_configurable_name)

    def macro(self, macro_name):
        return MacroReference(macro_name)


def find_gin_file(name: str, included_from: str = "the command line") -> Path:
    """Return the path of a Gin file, searched from here and from the repository.

    Raises:
        ConfigurationError: If there is no such file, with the files that the folder holds.
    """
    for folder in (Path(), REPOSITORY):
        if (folder / name).is_file():
            return folder / name
    available = sorted(
        str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("gin/**/*.gin")
    )
    raise ConfigurationError(
        f"There is no Gin file {name!r} (named by {included_from}). Searched in the current "
        f"folder and in {REPOSITORY}. {_choices(name, available)}"
    )


def read_statements(files: Sequence[str], settings: Sequence[str]) -> list[Binding]:
    """Return every binding of the files (includes followed) and of the `--set` texts, in order.

    Raises:
        ConfigurationError: For a missing file or a syntax error, with file and line.
    """
    bindings: list[Binding] = []
    for name in files:
        bindings += _parse(find_gin_file(name))
    for text in settings:
        bindings += _parse_text(text, f"--set {text!r}")
    return bindings


def _parse(path: Path, ancestors: tuple[Path, ...] = ()) -> Iterator[Binding]:
    if path.resolve() in ancestors:
        raise ConfigurationError(f"{path} includes itself.")
    text = path.read_text(encoding="utf-8")
    yield from _parse_text(text, str(path), (*ancestors, path.resolve()))


def _parse_text(text: str, origin: str, ancestors: tuple[Path, ...] = ()) -> Iterator[Binding]:
    try:
        for statement in config_parser.ConfigParser(text, _Delegate()):
            where = origin
            if not origin.startswith("--set"):
                where = f"{origin}, line {statement.location.line_num}"
            if isinstance(statement, config_parser.IncludeStatement):
                yield from _parse(find_gin_file(statement.filename, where), ancestors)
            elif isinstance(statement, config_parser.BindingStatement):
                yield Binding(
                    statement.scope, statement.selector, statement.arg_name, statement.value, where
                )
            elif isinstance(statement, config_parser.ImportStatement):
                continue  # Gin imports the user's module itself, before it reads what follows.
    except (SyntaxError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        line = getattr(error, "lineno", None)
        raise ConfigurationError(
            f"{origin}{f', line {line}' if line else ''} is not valid Gin: {error}. Expected "
            "lines such as `ALPHA = 1.0` or `infogan_cr.cr_weight = %ALPHA`."
        ) from error


def references_in(value: Any) -> Iterator[MacroReference | ConfigurableReference]:
    """Yield the references inside a value, however deep in lists, tuples and dictionaries."""
    if isinstance(value, (MacroReference, ConfigurableReference)):
        yield value
    elif isinstance(value, Mapping):
        for item in value.items():
            yield from references_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from references_in(item)


def check_names(bindings: Sequence[Binding], configurables: Mapping[str, type]) -> None:
    """Refuse unknown configurables, parameters and macros, and macros that nothing refers to.

    A macro counts as used when any statement as written refers to it, even one that a later
    statement replaces: a budget may well replace the only use of a published value.

    Raises:
        ConfigurationError: With the statement's place and the valid names.
    """
    defined = {binding.name: binding for binding in bindings if not binding.parameter}
    referenced: set[str] = set()
    for binding in bindings:
        if binding.parameter:
            check_parameter(binding.name, binding.parameter, configurables, binding.where)
        for reference in references_in(binding.value):
            if isinstance(reference, ConfigurableReference):
                _check_configurable(reference.name, configurables, binding.where)
            else:
                referenced.add(reference.name)
                if reference.name not in defined:
                    raise ConfigurationError(
                        f"{binding.where}: {binding.key} refers to the macro "
                        f"%{reference.name}, which nothing defines. "
                        f"{_choices(reference.name, sorted(defined))}"
                    )
    for name, binding in defined.items():
        if name not in referenced:
            raise ConfigurationError(
                f"{binding.where}: nothing uses the macro {name}, so setting it would change "
                f"nothing. {_choices(name, sorted(referenced))}"
            )


def check_parameter(
    name: str, parameter: str, configurables: Mapping[str, type], where: str
) -> None:
    """Refuse `name.parameter` unless the configurable has that parameter."""
    _check_configurable(name, configurables, where)
    valid = [field.name for field in dataclasses.fields(configurables[name]) if field.init]
    if parameter not in valid:
        raise ConfigurationError(
            f"{where}: {name} has no parameter {parameter!r}. {_choices(parameter, valid)}"
        )


def _check_configurable(name: str, configurables: Mapping[str, type], where: str) -> None:
    if name not in configurables:
        raise ConfigurationError(
            f"{where}: there is no configurable {name!r}. {_choices(name, sorted(configurables))}"
        )


def unused_bindings(bindings: Sequence[Binding], operative_texts: Iterable[str]) -> list[Binding]:
    """Return the bindings that no call read, given Gin's operative configurations.

    Gin gives a call in scope `a/b` the bindings of no scope, of `a` and of `a/b`; the most
    specific one wins, and only that one was read. Bindings of what a later statement put aside
    (another budget, other protocols) are not at fault and are left out.
    """
    put_aside = _names_put_aside(bindings)
    last = {binding.key: binding for binding in bindings if binding.parameter}
    scopes = {(binding.scope, binding.name, binding.parameter) for binding in last.values()}
    read = set()
    for text in operative_texts:
        for call in _parse_text(text, "the operative configuration"):
            parts = call.scope.split("/") if call.scope else []
            for length in range(len(parts), -1, -1):
                key = ("/".join(parts[:length]), call.name, call.parameter)
                if key in scopes:
                    read.add(key)
                    break
    return [
        binding
        for binding in last.values()
        if (binding.scope, binding.name, binding.parameter) not in read
        and binding.name not in put_aside
    ]


def _names_put_aside(bindings: Sequence[Binding]) -> set[str]:
    """Return the configurables that only replaced statements lead to, directly or not."""
    last = {binding.key: binding for binding in bindings}
    replaced = [binding for binding in bindings if last[binding.key] is not binding]
    names: set[str] = set()
    while replaced:
        found = {
            reference.name
            for binding in replaced
            for reference in references_in(binding.value)
            if isinstance(reference, ConfigurableReference)
        }
        replaced = [binding for binding in bindings if binding.name in found - names]
        names |= found
    return names


def parse(files: Sequence[str], settings: Sequence[str]) -> None:
    """Clear Gin and give it the files and the `--set` texts."""
    gin.clear_config()
    gin.add_config_file_search_path(str(REPOSITORY))
    # Gin logs an error for each include that is in the repository rather than in this folder.
    logging.disable(logging.ERROR)
    try:
        gin.parse_config_files_and_bindings(
            [str(find_gin_file(name)) for name in files],
            list(settings),
            finalize_config=False,
            print_includes_and_imports=False,
        )
    except (SyntaxError, ImportError) as error:
        raise ConfigurationError(f"Gin could not read the configuration: {error}") from error
    finally:
        logging.disable(logging.NOTSET)


def _choices(given: str, valid: Sequence[str]) -> str:
    close = difflib.get_close_matches(given, valid, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Expected one of: {', '.join(valid) or '(none)'}. Received: {given!r}."
