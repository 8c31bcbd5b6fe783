# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Builds the heapwalk command of this checkout where that is needed. bin/heapwalk reads this file with '.', has the
# functions fail, class_path_of and train, and finds java_home, class_path and cache set afterwards.

modules='memory-access heap-model graph-model native-model malloc-model allocator-models ruby-model python-model cli'
state=$root/target/heapwalk
. "$root/script/jdk.sh"

# Whether $1, a folder with jars, is older than what they are made of. A folder changes when a file in it is deleted.
outdated() {
    [ -e "$1/stamp" ] || return 0
    set -- "$1" "$self" "$root/script/checkout.sh" "$root/script/jdk.sh" "$root/script/NewerClasses.java" "$root/pom.xml"
    for module in $modules; do
        set -- "$@" "$root/$module/pom.xml" "$root/$module/src/main"
    done
    built=$1
    shift
    [ -n "$(find "$@" -newer "$built/stamp" -print -quit 2>/dev/null)" ]
}

# Passes on what Maven says, and tells how far it is. The first build of a user fetches what it needs, which takes
# longest.
tell() {
    fetched=0
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
            *'[INFO] Building '*\[*/*\])
                step=${line##*\[}
                name=${line#*Building }
                name=${name%%  *}
                say_step "building ${name% *} (${step%\]})"
                ;;
            *'Downloaded from '*)
                fetched=$((fetched + 1))
                [ $((fetched % 20)) -ne 0 ] || say_step "fetching what the build needs: $fetched files"
                ;;
        esac
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
}

# One line that changes where somebody looks on.
say_step() {
    if [ -t 2 ]; then
        printf '\r\033[Kheapwalk: %s' "$1" >&2
    else
        printf 'heapwalk: %s\n' "$1" >&2
    fi
}

# Builds into a folder of its own and then points the link "current" to it, so that whoever runs the old jars keeps
# them, and a Maven run in the same checkout has the modules' target folders to itself.
build() {
    command -v mvn >/dev/null || fail "Maven is needed to build heapwalk, and there is no mvn on PATH: install it (on Debian: apt install maven)"
    printf 'heapwalk: building (this takes a moment, and only happens when sources changed)\n' >&2
    new=$state/$(date +%s)-$$
    mkdir -p "$new/lib" || exit 1
    : >"$new/stamp"
    {
        (cd "$root" && maven_on_jdk && HEAPWALK_IN_BUILD=1 \
            mvn -B -Dmaven.test.skip=true -Dformat.skip -Ddoc.checks=none "-Doutput.folder=$new/build/\${project.artifactId}" -pl cli -am package) 2>&1 </dev/null
        echo $? >"$new/status"
    } | tell >"$state/build.log"
    if [ "$(cat "$new/status")" != 0 ]; then
        tail -n 20 "$state/build.log" >&2
        rm -rf "$new"
        fail "the build failed; its whole log is $state/build.log"
    fi
    rm "$new/status"
    mv "$new"/build/cli/cli-*.jar "$new"/build/cli/lib/*.jar "$new/lib/" && rm -rf "$new/build" || exit 1
    # What can't be renewed is only loaded more slowly.
    "$java_home/bin/java" "$root/script/NewerClasses.java" "$new"/lib/picocli-*.jar >>"$state/build.log" 2>&1 </dev/null
    old=$(readlink -- "$state/current" 2>/dev/null)
    ln -s "${new##*/}" "$state/current.$$" && mv -T "$state/current.$$" "$state/current" || exit 1
    for folder in "$state"/*/; do
        folder=${folder%/}
        case ${folder##*/} in
            current | "${new##*/}" | "$old") ;;
            *) rm -rf "$folder" ;;
        esac
    done
}

require_jdk

if [ -n "${HEAPWALK_IN_BUILD:-}" ]; then
    class_path=
    for jar in "$root"/cli/target/cli-*.jar "$root"/cli/target/lib/*.jar; do
        [ -e "$jar" ] || fail "HEAPWALK_IN_BUILD is set, but $jar is not there"
        class_path=$class_path${class_path:+:}$jar
    done
    cache=
else
    # One cache for each JDK that was used; / is no letter of a file name.
    cache_name=
    rest=$java_home-$version
    while :; do
        case $rest in
            */*)
                cache_name=$cache_name${rest%%/*}_
                rest=${rest#*/}
                ;;
            *) break ;;
        esac
    done
    cache_name=$cache_name$rest.aot
    if outdated "$state/current" || [ ! -e "$state/current/$cache_name" ]; then
        if mkdir -p "$state" 2>/dev/null && [ -w "$state" ]; then
            (
                umask 022
                flock 9 || fail "can't lock $state/lock"
                if outdated "$state/current"; then
                    build
                fi
                current=$state/$(readlink -- "$state/current")
                if [ ! -e "$current/$cache_name" ]; then
                    say_step "making its start fast"
                    train "$current/lib" "$current/$cache_name"
                    [ ! -t 2 ] || printf "\r\033[K" >&2
                fi
            ) 9>"$state/lock" || exit 1
        elif [ ! -e "$state/current/stamp" ]; then
            fail "heapwalk is not built, and $root can't be written: let its owner run $self once"
        fi
    fi
    current=$state/$(readlink -- "$state/current")
    class_path_of "$current/lib"
    cache=$current/$cache_name
fi

