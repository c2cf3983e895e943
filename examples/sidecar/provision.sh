#!/bin/sh
# Accounts for the users of a directory, in shell: reads the changes of the service `headcount serve` at $URL, handles them, and acknowledges them.
# Needs curl and jq. README.md has the settings.
set -eu
: "${URL:?expected the address of the service, such as http://127.0.0.1:8080}"
consumer=$URL/v1/consumers/accounts
accounts=${ACCOUNTS:-accounts}
wait=30
[ "${ONCE:-}" != 1 ] || wait=0
swept=no
tab='	' newline='
'
mkdir -p "$accounts"

# An account is a file, named after the percent-encoded id of the user. A change can come again, so each function has the same effect when it is repeated.
save() { printf 'save %s %s\n' "$1" "$2" && printf '%s\n' "$2" >"$accounts/$1.txt"; }
close() { printf 'close %s\n' "$1" && rm -f "$accounts/$1.txt"; }

# Sends a request, and sets `status` (000: no answer) and `body`. The token is not an argument of curl, because other users of the machine can see arguments.
call() {
    answer=$(printf '%s' "${HEADCOUNT_TOKEN:+authorization: Bearer $HEADCOUNT_TOKEN}" |
        curl --silent --show-error --max-time 90 --header @- --header 'content-type: application/json' --write-out '\n%{http_code}' "$@") || answer=${newline}000
    status=${answer##*"$newline"}
    body=${answer%"$newline"*}
    case $status in 2??) ;; *) return 1 ;; esac
}

# Closes the accounts of users who left before a snapshot: it has the current users only.
sweep() {
    for file in "$accounts"/*.txt; do
        user=$(basename "$file" .txt)
        if [ ! -e "$file" ] || call "$URL/v1/users/$user"; then continue; fi
        [ "$status" = 404 ] || return 1
        close "$user"
    done
    swept=yes
}

# Handles the next changes. A line has the number of a change, what to do, and the id and the address of the user. The numbers of a snapshot are negative.
work() {
    call "$consumer/changes?wait=$wait&limit=100" || return 1
    lines=$(printf '%s' "$body" | jq -r '.items[] | [.seq,
        if .kind | startswith("user.") | not then "ignore" elif .kind != "user.deleted" and .user.active then "save" else "close" end,
        (.user.id // "-" | @uri), (.user.email | tojson)] | join("\t")') || { body='not JSON'; return 1; }
    case $lines in
        '') [ "$wait" != 0 ] || exit 0; return 0 ;;
        -*) [ "$swept" = yes ] || sweep || return 1 ;;
    esac
    while IFS=$tab read -r seq action user email; do
        case $action in
            save) save "$user" "$(printf '%s' "$email" | jq -r .)" ;;
            close) close "$user" ;;
        esac
        call --data "{\"seq\": $seq}" "$consumer/acknowledgement" || return 1
    done <<END
$lines
END
}

while :; do
    work || case $status in
        # The next change is no longer kept: go on with a snapshot.
        410) swept=no; call --request POST "$consumer/snapshot" || sleep 1 ;;
        *)
            printf 'a request failed with status %s: %s\n' "$status" "$body" >&2
            case $status in 000 | 429 | 5??) sleep 1 ;; *) exit 1 ;; esac
            ;;
    esac
done
