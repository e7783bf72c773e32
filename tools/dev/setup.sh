# Debian packages and Node, as tools/packages.txt lists them. Quick when nothing is missing: one dpkg-query.
# shellcheck shell=bash

# The names of the packages of the given groups on this Debian release.
packages_of() {
    local release=12
    if [ -r /etc/os-release ]; then
        release=$(. /etc/os-release && echo "${VERSION_ID:-12}")
    fi
    awk -v release="$release" -v groups=" $* " '
        /^[ \t]*(#|$)/ { next }
        { sub(/#.*/, "") }
        index(groups, " " $1 " ") {
            name = $2
            for (i = 3; i <= NF; i++)
                if (index($i, release ":") == 1) name = substr($i, length(release) + 2)
            if (name != "-") print name
        }' tools/packages.txt
}

node_is_new_enough() {
    local version
    command -v npm >/dev/null && version=$(node --version 2>/dev/null) || return 1
    version=${version#v}
    [ "${version%%.*}" -ge 18 ]
}

# set_up GROUP...: installs what these groups lack, says what, and fails with exit 2 when it cannot.
set_up() {
    local groups=("$@") wanted missing=() name
    node_is_new_enough || groups+=(web)
    mapfile -t wanted < <(packages_of "${groups[@]}")
    mapfile -t missing < <(
        comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
            <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
                awk '$1 == "installed" { print $2 }' | sort -u)
    )
    [ ${#missing[@]} -gt 0 ] || return 0

    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    local as_root=()
    if ! is_root; then
        command -v sudo >/dev/null || die "these packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
        echo "sudo is used for apt only."
        as_root=(sudo)
    fi
    "${as_root[@]}" bash tools/dev/install.sh "${missing[@]}" || die "apt-get could not install them (see above)"
}
