    @staticmethod
    def by_id(group_id: str, role: str, *, organization_id: Optional[str] = None) -> RoleMapEntry:
        """Makes an entry for the group with this id. It never matches a name.

        - ``group_id``: id of the group (``dirgroup_...``).
        - ``role``: the role that members of the group get.
        - ``organization_id``: limits the entry to the groups of this organization (``org_...``; default: all organizations).
        """

    @staticmethod
    def by_name(pattern: str, role: str, *, organization_id: Optional[str] = None) -> RoleMapEntry:
        """Makes an entry for the groups with this name, or whose names match this pattern. It never matches an id.

        - ``pattern``: the name, or a pattern of names in which ``*`` stands for any number of characters and ``?`` for one.
        - ``role``: the role that members of the groups get.
        - ``organization_id``: limits the entry to the groups of this organization (``org_...``; default: all organizations).
        """

