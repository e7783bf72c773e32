#!/usr/bin/env bash
# install.sh PACKAGE...   (root) Installs Debian packages without a question and without starting or enabling the
# services in them: the scenes start their own copies of Knot, unbound and Postfix, and a developer's machine must not
# suddenly run a mail server.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
marker="written by postseal ./dev"

# Debian asks this file before it starts a service. Ours says no for as long as this script lives, so that even one left
# behind by a killed run does no harm; a file of the machine's owner is respected.
if [ -e "$policy" ] && grep -q "$marker" "$policy"; then
    rm -f "$policy"
fi
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\n# %s; safe to delete\nkill -0 %d 2>/dev/null || exit 0\nexit 101\n' "$marker" $$ >"$policy"
    chmod 755 "$policy"
fi

if command -v debconf-set-selections >/dev/null; then
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
fi
apt-get update -q
apt-get install -y -q --no-install-recommends "$@"

# Packages enable their units for the next boot as well.
if command -v systemctl >/dev/null; then
    for package in "$@"; do
        for unit in $(dpkg -L "$package" 2>/dev/null | sed -n 's|^\(/usr\)\?/lib/systemd/system/\([^/@]*\.service\)$|\2|p'); do
            if [ "$(systemctl is-enabled "$unit" 2>/dev/null)" = enabled ]; then
                systemctl disable --quiet "$unit" 2>/dev/null && echo "not started at boot: $unit"
            fi
        done
    done
fi
