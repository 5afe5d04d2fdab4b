"""The verbs: endpoints are deployed, changed and removed (``endpoints``), adapters beside them (``adapters``), and the
names that calls use (``names``)."""
