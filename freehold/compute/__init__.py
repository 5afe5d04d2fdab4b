"""Work in processes of its own: started with limits, watched, ended for sure; here, or on a Ray cluster.

*Job*: what to run. *Running*: a job at work, with its address and key. *Lifeline*: the job's stdin; when it closes the
job ends, so that no job outlives its hub.
Neighbours: none below; ``inference`` above runs engines by it.
"""
