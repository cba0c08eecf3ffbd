"""The text of a rule or a surface, read once and printed in another language.

``syntax``      what may stand in such a text, and its statements
``javascript``  plain functions, and the templates that the live engine fuses into one loop
``c``           one expression, with NumPy's bits where that can be had
``latex``       the equation
``words``       a line of Unicode, and the Python that a reader meets

A module here knows the notation and nothing above it; which files are written from all of it is ``codegen``'s to say.
"""
