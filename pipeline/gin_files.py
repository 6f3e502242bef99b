"""Gin files as statements: what they bind, and whether every name and binding makes sense.

Gin alone accepts a misspelt macro, lets a binding lapse that nothing reads, and reports unknown
names without the valid ones. The checks here run on the text, before anything is built.
"""

import dataclasses
import importlib
import math
import pprint
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gin
from gin import config_parser

from pipeline.errors import ConfigurationError, did_you_mean

REPOSITORY = Path(__file__).resolve().parents[1]
LINE_LENGTH = 100
SETTINGS = "sweep.settings"


@dataclasses.dataclass(frozen=True, repr=False)
class MacroReference:
    """`%NAME` in a value."""

    name: str

    def __repr__(self) -> str:
        return f"%{self.name}"


@dataclasses.dataclass(frozen=True, repr=False)
class ConfigurableReference:
    """`@scope/name()` in a value, or `@scope/name` where it is not called."""

    scoped_name: str
    is_called: bool = True

    def __repr__(self) -> str:
        return f"@{self.scoped_name}{'()' if self.is_called else ''}"

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
        return f"{self.configurable}.{self.parameter}" if self.parameter else self.configurable

    @property
    def configurable(self) -> str:
        """The configurable with its scope, or the macro."""
        return f"{self.scope}/{self.name}" if self.scope else self.name

    @property
    def text(self) -> str:
        """The statement as Gin reads it."""
        value = pprint.pformat(self.value, width=LINE_LENGTH - 4, sort_dicts=False)
        if "\n" not in value and len(self.key) + 3 + len(value) <= LINE_LENGTH:
            return f"{self.key} = {value}"
        return f"{self.key} = \\\n    " + value.replace("\n", "\n    ")


class _Delegate(config_parser.ParserDelegate):
    """Turns references into plain values instead of resolving them."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool):
        return ConfigurableReference(scoped_configurable_name, evaluate)

    def macro(self, macro_name: str):
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
    for binding in bindings:
        _check_finite(binding)
    return bindings


def _parse(path: Path, ancestors: tuple[Path, ...] = ()) -> Iterator[Binding]:
    if path.resolve() in ancestors:
        raise ConfigurationError(f"{path} includes itself.")
    text = _read_text(path)
    yield from _parse_text(text, str(path), (*ancestors, path.resolve()))


def _read_text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")  # editors of Windows begin a file with a mark
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(
            f"{path} is not UTF-8 text. Expected a Gin file in UTF-8. Received: the byte "
            f"0x{content[error.start]:02x} in line {line}. Save it as UTF-8 in your editor, or "
            f"convert it: iconv -f {_likely_encoding(content)} -t UTF-8 {path.name} > new.gin"
        ) from error


def _likely_encoding(content: bytes) -> str:
    return "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "ISO-8859-1"


def _import(module: str, where: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(f"{where}: cannot import {module!r}: {error}") from error


def _parse_text(text: str, origin: str, ancestors: tuple[Path, ...] = ()) -> Iterator[Binding]:
    # Bytes of the command line that are no text arrive as characters that no parser takes.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
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
                _import(statement.module, where)
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        if isinstance(error, ConfigurationError):
            raise
        line = getattr(error, "lineno", None)
        raise ConfigurationError(
            f"{origin}{f', line {line}' if line else ''} is not valid Gin: {error}. Expected "
            "lines such as `ALPHA = 1.0` or `infogan_cr.cr_weight = %ALPHA`."
        ) from error


def references_in(value: Any) -> Iterator[MacroReference | ConfigurableReference]:
    """Yield the references inside a value, however deep in lists, tuples and dictionaries."""
    for one in _values_in(value):
        if isinstance(one, (MacroReference, ConfigurableReference)):
            yield one


def _values_in(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.items():
            yield from _values_in(item)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from _values_in(item)
    else:
        yield value


def _check_finite(binding: Binding) -> None:
    """Refuse a number such as 1e999, which is infinite: no text would give it again."""
    for value in _values_in(binding.value):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(
                f"{binding.where}: {binding.key} is too large. Expected a number below 1.8e308. "
                f"Received: {value!r}"
            )


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

    Bindings of what a later statement put aside (another budget, other protocols) are not at
    fault and are left out.
    """
    put_aside = _names_put_aside(bindings)
    last = {binding.key: binding for binding in bindings if binding.parameter}
    read = read_keys(bindings, operative_texts)
    return [
        binding
        for binding in last.values()
        if binding.key not in read and binding.name not in put_aside
    ]


def read_keys(bindings: Sequence[Binding], operative_texts: Iterable[str]) -> set[str]:
    """Return the keys of the bindings that some call read.

    Gin gives a call in scope `a/b` the bindings of no scope, of `a` and of `a/b`; the most
    specific one wins, and only that one was read.
    """
    keys = {
        (binding.scope, binding.name, binding.parameter): binding.key
        for binding in bindings
        if binding.parameter
    }
    read = set()
    for text in operative_texts:
        for call in _parse_text(text, "the operative configuration"):
            parts = call.scope.split("/") if call.scope else []
            for length in range(len(parts), -1, -1):
                place = ("/".join(parts[:length]), call.name, call.parameter)
                if place in keys:
                    read.add(keys[place])
                    break
    return read


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


def parse(bindings: Sequence[Binding]) -> None:
    """Clear Gin and give it the bindings, of which later ones win over earlier ones."""
    gin.clear_config()
    try:
        gin.parse_config([binding.text for binding in bindings])
    except SyntaxError as error:
        raise ConfigurationError(f"Gin could not read the configuration: {error}") from error


def _choices(given: str, valid: Sequence[str]) -> str:
    hint = did_you_mean(given, valid)
    return f"{hint}Expected one of: {', '.join(valid) or '(none)'}. Received: {given!r}."
