"""The diagnosis of a run that goes on: what is known of it at a moment, and which alarms last."""

from tuneguard.live.alarms import Alarm, alarms
from tuneguard.live.lookout import HOPELESS, Event, Lookout, Sighting, dooms
from tuneguard.live.replay import looks, until

__all__ = [
    "HOPELESS",
    "Alarm",
    "Event",
    "Lookout",
    "Sighting",
    "alarms",
    "dooms",
    "looks",
    "until",
]
