"""What the shell completes, asked of bash itself."""

import shutil
import subprocess

import pytest

from vaekit.cli.main import main

ASK = """
source "$1"
function=$(complete -p vaekit | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=(${@:2}); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$function vaekit "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
echo "${COMPREPLY[@]}"
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("vaekit tr", {"train", "traverse"}),
        ("vaekit train --lat", {"--latent"}),
        ("vaekit train digits --recipe iw", {"iwae"}),
        ("vaekit sample --temp", {"--temperature"}),
    ],
)
def test_the_shell_completes_commands_options_and_recipes(words, completed, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "script"
    main(["--install-completion", "--shell", "bash", "--output", str(script)])
    asked = ["bash", "-c", ASK, "bash", str(script), *words.split()]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == completed
