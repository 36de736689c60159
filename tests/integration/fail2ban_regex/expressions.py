"""Which expressions mean the same to Python's re and to the engine, but for what is on purpose."""
import re
import warnings

try:
    from re import _constants, _parser  # Python 3.11
except ImportError:
    import sre_constants as _constants
    import sre_parse as _parser

TAGS = re.compile(r"</?(?:HOST|ADDR|IP4|IP6|DNS|SUBNET|CIDR|SKIPLINES|F-\w+)/?>")


def ends_early(tokens, is_last):
    """Is there a $ with something behind it? The line break there is not for the engine to take."""
    tokens = list(tokens)
    for place, (name, value) in enumerate(tokens):
        last = is_last and place == len(tokens) - 1
        if name is _constants.AT:
            if value is _constants.AT_END and not last:
                return True
        elif name is _constants.SUBPATTERN:
            if ends_early(value[-1], last):
                return True
        elif name is _constants.BRANCH:
            if any(ends_early(way, last) for way in value[1]):
                return True
        elif name is _constants.GROUPREF_EXISTS:
            if any(ends_early(way, last) for way in value[1:] if way is not None):
                return True
        elif name in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            if ends_early(value[2], False):
                return True
        elif name in (_constants.ASSERT, _constants.ASSERT_NOT):
            if ends_early(value[1], False):
                return True
    return False


def is_comparable(expression):
    """Of an expression with fail2ban's tags. \\Z is $ here (src/filter/README.md); words in <> may be tags of
    either side's own."""
    without = TAGS.sub("", expression)
    if re.search(r"(?<!\?P)(?<!\?)<[A-Za-z/]|\\[Zz]", without):
        return False
    opened = re.sub(r"<F-([\w]+)>", "(", expression)
    opened = re.sub(r"</F-\w+>", ")", opened)
    opened = TAGS.sub("(?:h)", opened)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return not ends_early(_parser.parse(opened), True)
    except (re.error, RecursionError, OverflowError):
        return True  # to be refused by both
