#!/bin/sh
# Accounts for the users of a directory, in shell: reads the changes of the service `headcount serve` at $URL, handles them, and acknowledges them.
# Needs curl and jq. HEADCOUNT_TOKEN is the token of the service, if it has one. With ONCE=1 it ends after the last change.
set -eu
consumer=$URL/v1/consumers/accounts
call() {
    curl --silent --show-error --fail-with-body ${HEADCOUNT_TOKEN:+--header "authorization: Bearer $HEADCOUNT_TOKEN"} \
        --header 'content-type: application/json' "$@"
}
wait=30
[ "${ONCE:-}" != 1 ] || wait=0
while :; do
    if ! page=$(call "$consumer/changes?wait=$wait&limit=100"); then
        # The service is starting again, or the next change is no longer kept.
        [ "$(printf '%s' "$page" | jq -r '.error.kind?' 2>/dev/null)" != history_trimmed ] || call --request POST "$consumer/snapshot"
        sleep 1
        continue
    fi
    # Each line: number, kind, user, address. A change can come again, so each command has to have the same effect when it is repeated.
    printf '%s' "$page" | jq -r '.items[] | [.seq, .kind, (.after // .before // .user).id // "-", (.after // .before // .user).email // "-"] | @tsv' |
        while IFS='	' read -r seq kind user email; do
            case $kind in
                user.created | user.reactivated) echo "create account $user $email" ;;
                user.updated) echo "update account $user $email" ;;
                user.deactivated | user.deleted) echo "close account $user" ;;
            esac
            call --data "{\"seq\": $seq}" "$consumer/acknowledgement"
        done
    if [ "$wait" = 0 ] && [ "$(printf '%s' "$page" | jq '.items | length')" = 0 ]; then exit 0; fi
done
