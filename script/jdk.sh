# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Finds the JDK that builds and runs Heapwalk. For bin/heapwalk and the scripts, which read it with '.' and have a
# function fail that prints a line and ends them. A JDK is judged by its release file, so that no JVM is started to ask.
#
#   JAVA_HOME       is taken if it is one that will do
#   HEAPWALK_JDKS   a folder of JDKs to choose from, in place of the usual folders

needed=25
found=
java_home=

# Sets java_home to $1, and version, if that is a JDK that will do; notes it otherwise.
consider() {
    [ -x "$1/bin/java" ] && [ -r "$1/release" ] || return 1
    version=
    while IFS= read -r line; do
        case $line in
            JAVA_VERSION=*)
                version=${line#JAVA_VERSION=}
                version=${version#\"}
                version=${version%\"}
                break
                ;;
        esac
    done <"$1/release"
    major=${version%%[!0-9]*}
    if [ -n "$major" ] && [ "$major" -ge "$needed" ] && [ -x "$1/bin/javac" ]; then
        java_home=$1
        return 0
    fi
    if [ -n "$version" ]; then
        [ -x "$1/bin/javac" ] || version="$version without javac"
        found="$found${found:+, }$version in $1"
    fi
    return 1
}

find_jdk() {
    if [ -n "${JAVA_HOME:-}" ] && consider "${JAVA_HOME%/}"; then
        return 0
    fi
    if [ -n "${HEAPWALK_JDKS:-}" ]; then
        set -- "$HEAPWALK_JDKS"/*
    else
        home=${HOME:-/nonexistent}
        set -- /usr/lib/jvm/* /usr/java/* /opt/* /opt/java/* "$home"/.sdkman/candidates/java/* "$home"/.jdks/* \
            "$home"/.asdf/installs/java/* "$home"/.local/share/mise/installs/java/*
    fi
    for folder in "$@"; do
        # Several names of one JDK are one JDK.
        [ -L "$folder" ] && [ -e "${folder%/*}/$(readlink -- "$folder")" ] && continue
        consider "$folder" && return 0
    done
    on_path=$(command -v java) || return 1
    on_path=$(readlink -f -- "$on_path") || return 1
    case $found in
        *" in ${on_path%/bin/java}"*) return 1 ;;
    esac
    consider "${on_path%/bin/java}"
}

require_jdk() {
    find_jdk || fail "a JDK $needed or later is needed, found ${found:-none}: install one (for example from https://adoptium.net) and set JAVA_HOME to it"
}

# Makes Maven run on that JDK, with its tools first on PATH, and without the JVM's warnings about Maven's own libraries.
maven_on_jdk() {
    require_jdk
    JAVA_HOME=$java_home
    PATH=$java_home/bin:$PATH
    MAVEN_OPTS="--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow ${MAVEN_OPTS:-}"
    export JAVA_HOME PATH MAVEN_OPTS
}
