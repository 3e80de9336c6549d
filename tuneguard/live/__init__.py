"""The diagnosis of a run that goes on: what is known of it at a moment, and which alarms last."""

from tuneguard.live.alarms import Alarm, alarms
from tuneguard.live.lookout import Event, Lookout, Sighting
from tuneguard.live.replay import looks, until

__all__ = ["Alarm", "Event", "Lookout", "Sighting", "alarms", "looks", "until"]
