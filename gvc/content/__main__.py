"""Set-up's last step: `python -m gvc.content` fetches what is fetched unless asked otherwise."""

import sys

from gvc import paths
from gvc.content.catalogue import GROUPS
from gvc.content.fetch import install, set_up
from gvc.content.installed import ContentError
from gvc.errors import GvcError


def main() -> int:
    """Fetch; 0 when all that the testbed needs is there, though another group may be missing, which is told."""
    try:
        set_up(paths.content_dir(), [group for group in GROUPS if group.needed], say=_say)
    except GvcError as error:
        print(f"setup: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"setup: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return _others()


def _others() -> int:
    for group in GROUPS:
        if group.default and not group.needed:
            try:
                install(paths.content_dir(), [group], say=_say)
            except (ContentError, OSError) as error:
                _say(f"left out: {group.what}, {error}\n      `gvc content fetch {group.name}` tries again")
            except KeyboardInterrupt:
                return 130
    return 0


def _say(text: str) -> None:
    print(f"      {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
