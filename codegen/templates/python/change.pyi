    def ack(self) -> None:
        """Acknowledges this change: the consumer does not get it again.

        Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once all changes that the iterator
        returned earlier are acknowledged as well: if they are already, it is durable when this returns. Acknowledging a change from ``poll`` or ``wait``
        acknowledges all earlier changes as well. Acknowledging a change from a worker (``mirror.consumer``) acknowledges the earlier ones that the worker
        returned from the same partition. Several threads may call ``ack`` at once.

        Raises ``InvalidArgumentError`` if the change was not returned by one of these, if the consumer was dropped, if the mirror is closed, and in a forked child
        for a change from an iterator or a worker of its parent; ``StoreError`` if the acknowledgement cannot be stored: call it again, unless the message
        says that the lease was lost: in that case the iterator or worker that now holds the consumer or the partition returns the change again.
        """

    def park(self, reason: str) -> None:
        """Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
        parked as well.

        Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
        ``InvalidArgumentError`` if it is of an earlier snapshot, or of a snapshot and its user or group no longer exists.
        """

