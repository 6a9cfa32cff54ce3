"""Softcast: pictures as analogue symbols without learning (Jakubczak and Katabi, MobiCom 2011)."""
