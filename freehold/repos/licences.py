"""The licences that a card may name, in words and in groups that people look them up by."""

#: By the id that stands in a card: all that the public hub takes, in its order.
#: Source: https://huggingface.co/docs/hub/repositories-licenses and the error message of the public hub.
WORDS = {
    "apache-2.0": "Apache License 2.0",
    "mit": "MIT",
    "openrail": "OpenRAIL family",
    "bigscience-openrail-m": "BigScience OpenRAIL-M",
    "creativeml-openrail-m": "CreativeML OpenRAIL-M",
    "bigscience-bloom-rail-1.0": "BigScience BLOOM RAIL 1.0",
    "bigcode-openrail-m": "BigCode OpenRAIL-M v1",
    "afl-3.0": "Academic Free License 3.0",
    "artistic-2.0": "Artistic License 2.0",
    "bsl-1.0": "Boost Software License 1.0",
    "bsd": "BSD family",
    "bsd-2-clause": "BSD 2-Clause",
    "bsd-3-clause": "BSD 3-Clause",
    "bsd-3-clause-clear": "BSD 3-Clause Clear",
    "c-uda": "Computational Use of Data Agreement",
    "cc": "Creative Commons family",
    "cc0-1.0": "CC0 1.0, public domain",
    "cc-by-2.0": "CC Attribution 2.0",
    "cc-by-2.5": "CC Attribution 2.5",
    "cc-by-3.0": "CC Attribution 3.0",
    "cc-by-4.0": "CC Attribution 4.0",
    "cc-by-sa-3.0": "CC Attribution-ShareAlike 3.0",
    "cc-by-sa-4.0": "CC Attribution-ShareAlike 4.0",
    "cc-by-nc-2.0": "CC Attribution-NonCommercial 2.0",
    "cc-by-nc-3.0": "CC Attribution-NonCommercial 3.0",
    "cc-by-nc-4.0": "CC Attribution-NonCommercial 4.0",
    "cc-by-nd-4.0": "CC Attribution-NoDerivatives 4.0",
    "cc-by-nc-nd-3.0": "CC Attribution-NonCommercial-NoDerivatives 3.0",
    "cc-by-nc-nd-4.0": "CC Attribution-NonCommercial-NoDerivatives 4.0",
    "cc-by-nc-sa-2.0": "CC Attribution-NonCommercial-ShareAlike 2.0",
    "cc-by-nc-sa-3.0": "CC Attribution-NonCommercial-ShareAlike 3.0",
    "cc-by-nc-sa-4.0": "CC Attribution-NonCommercial-ShareAlike 4.0",
    "cdla-sharing-1.0": "Community Data License Agreement, Sharing 1.0",
    "cdla-permissive-1.0": "Community Data License Agreement, Permissive 1.0",
    "cdla-permissive-2.0": "Community Data License Agreement, Permissive 2.0",
    "wtfpl": "WTFPL 2",
    "ecl-2.0": "Educational Community License 2.0",
    "epl-1.0": "Eclipse Public License 1.0",
    "epl-2.0": "Eclipse Public License 2.0",
    "etalab-2.0": "Etalab Open License 2.0",
    "eupl-1.1": "European Union Public Licence 1.1",
    "eupl-1.2": "European Union Public Licence 1.2",
    "agpl-3.0": "GNU Affero GPL 3.0",
    "gfdl": "GNU Free Documentation License",
    "gpl": "GNU GPL family",
    "gpl-2.0": "GNU GPL 2.0",
    "gpl-3.0": "GNU GPL 3.0",
    "lgpl": "GNU LGPL family",
    "lgpl-2.1": "GNU LGPL 2.1",
    "lgpl-3.0": "GNU LGPL 3.0",
    "isc": "ISC",
    "h-research": "H Research License",
    "intel-research": "Intel Research Use License",
    "lppl-1.3c": "LaTeX Project Public License 1.3c",
    "ms-pl": "Microsoft Public License",
    "apple-ascl": "Apple Sample Code License",
    "apple-amlr": "Apple Model License for Research",
    "mpl-2.0": "Mozilla Public License 2.0",
    "odc-by": "Open Data Commons Attribution",
    "odbl": "Open Database License",
    "openmdw-1.0": "OpenMDW 1.0",
    "openmdw-1.1": "OpenMDW 1.1",
    "openrail++": "OpenRAIL++",
    "osl-3.0": "Open Software License 3.0",
    "postgresql": "PostgreSQL License",
    "ofl-1.1": "SIL Open Font License 1.1",
    "ncsa": "University of Illinois/NCSA",
    "unlicense": "The Unlicense",
    "zlib": "zlib",
    "pddl": "Public Domain Dedication and License",
    "lgpl-lr": "LGPL for Linguistic Resources",
    "deepfloyd-if-license": "DeepFloyd IF",
    "fair-noncommercial-research-license": "FAIR Noncommercial Research",
    "llama2": "Llama 2 Community",
    "llama3": "Llama 3 Community",
    "llama3.1": "Llama 3.1 Community",
    "llama3.2": "Llama 3.2 Community",
    "llama3.3": "Llama 3.3 Community",
    "llama4": "Llama 4 Community",
    "grok2-community": "Grok 2 Community",
    "gemma": "Gemma Terms of Use",
    "unknown": "Not known",
    "other": "Another one, by its own name",
}

_GROUPS = {
    "Permissive": """
        apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc zlib bsl-1.0 afl-3.0 artistic-2.0
        ecl-2.0 ms-pl ncsa postgresql ofl-1.1 unlicense wtfpl openmdw-1.0 openmdw-1.1
    """,
    "Open weights and responsible use": """
        openrail openrail++ bigscience-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m creativeml-openrail-m
        llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma grok2-community deepfloyd-if-license
        apple-ascl apple-amlr h-research intel-research fair-noncommercial-research-license
    """,
    "Creative Commons": """
        cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
        cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    """,
    "For data": """
        cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 odc-by odbl pddl c-uda etalab-2.0
    """,
    "Copyleft": """
        gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 lgpl-lr agpl-3.0 gfdl mpl-2.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2
        osl-3.0 lppl-1.3c
    """,
    "Others": """
        other unknown
    """,
}
#: Group -> id -> words.
GROUPS = {group: {name: WORDS[name] for name in names.split()} for group, names in _GROUPS.items()}
