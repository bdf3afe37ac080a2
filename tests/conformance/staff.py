"""The operations of staff and integrations, as they are to be."""

AGENTS = [
    ("POST", "streaming/session"),
    ("DELETE", "streaming/session"),
    ("GET", "streaming/events"),
    ("POST", "streaming/acknowledge"),
    ("POST", "engagementCenter/users/{userId}/connect"),
    ("POST", "engagementCenter/users/{userId}/ready"),
    ("POST", "engagementCenter/users/{userId}/notReady"),
    ("POST", "engagementCenter/users/{userId}/disconnect"),
    ("POST", "engagementCenter/users/{userId}/signOut"),
    ("GET", "engagementCenter/users/{userId}/state"),
    ("GET", "engagementCenter/users"),
    ("POST", "engagementCenter/interactions/{interactionId}/accept"),
    ("POST", "engagementCenter/interactions/{interactionId}/reject"),
    ("POST", "engagementCenter/interactions/{interactionId}/activate"),
    ("POST", "engagementCenter/interactions/{interactionId}/hold"),
    ("POST", "engagementCenter/interactions/{interactionId}/retrieve"),
    ("POST", "engagementCenter/interactions/{interactionId}/transfer"),
    ("POST", "engagementCenter/interactions/{interactionId}/consult"),
    ("POST", "engagementCenter/interactions/{interactionId}/conference"),
    ("POST", "engagementCenter/interactions/{interactionId}/cancel"),
    ("POST", "engagementCenter/interactions/{interactionId}/disconnect"),
    ("POST", "engagementCenter/interactions/{interactionId}/dispose"),
    ("POST", "engagementCenter/interactions/{interactionId}/reschedule"),
    ("GET", "engagementCenter/callBacks"),
    ("POST", "engagementCenter/callBacks/{callBackId}/cancel"),
    ("GET", "engagementCenter/interactions/{interactionId}/transcript"),
    ("GET", "engagementCenter/interactions/{interactionId}/routing"),
    ("POST", "messaging/users/{userId}/sendText"),
    ("POST", "messaging/users/{userId}/pushUrl"),
    ("POST", "messaging/users/{userId}/notification"),
    ("POST", "messaging/users/{userId}/read"),
    ("POST", "messaging/users/{userId}/answerDial"),
    ("POST", "messaging/users/{userId}/note"),
    ("GET", "quality/recordings/{interactionId}"),
]
KINDS = (
    "skills", "teams", "reasons", "dispositions", "hours", "cannedResponses", "workTypes", "apiKeys", "users",
)  # fmt: skip
PROVISIONING = [
    (method, f"provisioning/{kind}{which}")
    for kind in KINDS
    for method, which in (("GET", ""), ("POST", ""), ("GET", "/{id}"), ("PUT", "/{id}"), ("DELETE", "/{id}"))
]
REPORTING = [("GET", "reporting/audit")]
STAFF = [*AGENTS, *PROVISIONING, *REPORTING]
