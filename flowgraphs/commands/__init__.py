"""One command a module; `flowgraphs.cli` imports a module when its command is called."""
