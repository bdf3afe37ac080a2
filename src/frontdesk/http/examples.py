"""An example of every request body, for the API's description. Each is valid: a test sends them."""

from __future__ import annotations

from typing import Any

CONTACTS: dict[str, Any] = {
    "Connect": {"workTypeId": "100", "contactName": "Ada", "contactDataCollection": []},
    "SendText": {"text": "When are you open?"},
    "PushUrl": {"url": "https://www.example.com/cart"},
    "Read": {"messageId": "1859774650880000001"},
    "Preview": {"text": "When are y"},
    "DialRequest": {"digits": "+44 20 7946 0018"},
    "Notification": {"state": "composing", "expiresAfterSeconds": 10},
    "ScheduleCallback": {
        "workTypeId": "32",
        "contactName": "Ada",
        "digits": "+44 20 7946 0018",
        "delayStartDuration": 30,
    },
    "CreateSession": {"inactivityDelay": 60},
    "Acknowledge": {"sequenceNumber": 3},
}
AGENTS: dict[str, Any] = {
    "AgentSession": {"inactivityDelay": 60},
    "AgentConnect": {"workTypeIds": ["79"], "maximum": 3},
    "AgentNotReady": {"reasonId": "lunch"},
    "Accept": {},
    "Reject": {},
    "Transfer": {"transferType": "workType", "workTypeId": "32"},
    "Consult": {"consultType": "user", "userId": "agent2"},
    "Reschedule": {"delayStartDuration": 30},
    "Dispose": {"dispositionId": "solved", "memo": "Sent the invoice again."},
    "AgentText": {"interactionId": "1", "text": "How can I help?", "entityType": "Agent"},
    "AgentPushUrl": {"interactionId": "1", "url": "https://www.example.com/help"},
    "AgentNotification": {"interactionId": "1", "state": "composing", "expiresAfterSeconds": 10},
    "AgentRead": {"interactionId": "1", "messageId": "1859774650880000001"},
    "DialAnswer": {"interactionId": "1", "messageId": "1859774650880000001", "answer": "accepted"},
    "Note": {"interactionId": "1", "text": "Has called twice this week."},
}
PROVISIONING: dict[str, Any] = {
    "SkillFields": {"skillId": "spanish", "name": "Spanish"},
    "TeamFields": {"teamId": "north", "name": "North"},
    "ReasonFields": {"reasonId": "lunch", "name": "Lunch", "use": "notReady"},
    "DispositionFields": {"dispositionId": "solved", "name": "Solved"},
    "HoursFields": {
        "hoursId": "office",
        "name": "Office",
        "zone": "Europe/Berlin",
        "spans": [{"day": 0, "opensMinute": 540, "closesMinute": 1020}],
        "dated": [{"date": "2026-12-25"}],
    },
    "CannedResponseFields": {"name": "Greeting", "text": "Hello {contactName}, I am {agentName}.", "shortcut": "hi"},
    "WorkTypeFields": {"workTypeId": "sales", "name": "Sales", "channels": ["chat"], "rules": {"priority": 3}},
    "ApiKeyFields": {"name": "web site"},
    "UserFields": {"userId": "ada", "login": "ada", "name": "Ada Byron", "roles": ["agent"], "capacity": {"chat": 3}},
}
EXAMPLES: dict[str, Any] = {**CONTACTS, **AGENTS, **PROVISIONING}
