    def text(self, *, personal: Optional[bool] = None) -> str:
        """Returns the explanation as English text of several lines, for a ticket. ``str()`` returns it without personal data.

        - ``personal``: whether it may have personal data: names, addresses, accounts, the names of groups, and who decided about holds with
          which note (default: people are named by their directory ids only).
        """

    def __str__(self) -> str: ...
