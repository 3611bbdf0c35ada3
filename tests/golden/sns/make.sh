#!/bin/sh
# Makes the signed envelopes of this folder with the openssl program, so that what verifies them did not
# write them. The key is thrown away: run it again and every file changes together.
set -eu
cd "$(dirname "$0")"
key=$(mktemp)
trap 'rm -f "$key"' EXIT

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$key" -out certificate.pem -days 36500 \
    -subj /CN=sns.amazonaws.com -addext subjectAltName=DNS:sns.amazonaws.com 2>/dev/null

topic=arn:aws:sns:us-east-1:123456789012:fluxa-alarms
url=https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem
time=2026-11-21T09:15:04.123Z
id=6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e1
subject='ALARM: "fluxa-dlq-depth-dev" in US East (N. Virginia)'
message='{"AlarmName":"fluxa-dlq-depth-dev","NewStateValue":"ALARM"}
second line, ä and € and \ too'
token=2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92768dd60a747ba6f3beb71854e285d6ad
subscribe="https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=$topic&Token=$token"

escaped() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'; }

# write NAME TYPE VERSION DIGEST MEMBERS, the string to sign on stdin
write() {
    cat > "$1.string"
    signature=$(openssl dgst "-$4" -sign "$key" "$1.string" | base64 -w 0)
    printf '{"Type":"%s","MessageId":"%s","TopicArn":"%s",%s"Message":"%s","Timestamp":"%s","SignatureVersion":"%s","Signature":"%s","SigningCertURL":"%s","UnsubscribeURL":"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe","MessageAttributes":{"team":{"Type":"String","Value":"payments"}}}\n' \
        "$2" "$id" "$topic" "$5" "$(escaped "$message")" "$time" "$3" "$signature" "$url" > "$1.json"
}
plain() { printf 'Message\n%s\nMessageId\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\nNotification\n' "$message" "$id" "$time" "$topic"; }
titled() { printf 'Message\n%s\nMessageId\n%s\nSubject\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\nNotification\n' "$message" "$id" "$subject" "$time" "$topic"; }
confirming() { printf 'Message\n%s\nMessageId\n%s\nSubscribeURL\n%s\nTimestamp\n%s\nToken\n%s\nTopicArn\n%s\nType\n%s\n' "$message" "$id" "$subscribe" "$time" "$token" "$topic" "$1"; }

subject_member="\"Subject\":\"$(escaped "$subject")\","
confirm_members="\"Token\":\"$token\",\"SubscribeURL\":\"$subscribe\","
titled | write notification-v1 Notification 1 sha1 "$subject_member"
titled | write notification-v2 Notification 2 sha256 "$subject_member"
plain | write untitled-v2 Notification 2 sha256 ""
plain | write null-subject-v1 Notification 1 sha1 '"Subject":null,'
confirming SubscriptionConfirmation | write subscription-v2 SubscriptionConfirmation 2 sha256 "$confirm_members"
confirming UnsubscribeConfirmation | write unsubscription-v1 UnsubscribeConfirmation 1 sha1 "$confirm_members"
