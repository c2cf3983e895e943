    def ack(self) -> None:
        """Acknowledges this change and all earlier ones: the consumer does not get them again. Durable when this returns.

        Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, and ``StoreError`` if the
        acknowledgement cannot be stored.
        """

    def park(self, reason: str) -> None:
        """Parks this change, with a ``reason``, and acknowledges it and all earlier ones. ``mirror.parked_changes`` lists it.

        Raises ``InvalidArgumentError`` for a change of a snapshot whose user or group no longer exists, and ``HistoryTrimmedError`` if the
        retention has removed the change: acknowledge it with ``ack()`` and record it elsewhere.
        """

