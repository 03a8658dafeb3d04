"""python3 -m unittest discover -s scripts/qat/tests -t scripts"""
