"""Reading a paper: its type and fields as Nghị định 30/2020 defines them, each with evidence and calibrated confidence."""
